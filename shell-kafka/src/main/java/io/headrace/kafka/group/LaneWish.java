package io.headrace.kafka.group;

import io.headrace.engine.Views.Wish;
import io.headrace.kafka.KafkaRequest;
import java.util.concurrent.RejectedExecutionException;

/**
 * What one fetch wishes for, as soon as its sender is known to own its lanes. Made and withdrawn on
 * the request's event loop.
 */
final class LaneWish {
    private final KafkaRequest request;
    private final SharedTopic shared;
    private final int[] asked;
    private final Wish wish;
    private boolean isMade;
    private boolean isWithdrawn;

    LaneWish(KafkaRequest request, SharedTopic shared, int[] asked, int[] atEnd, int lengthMax) {
        this.request = request;
        this.shared = shared;
        this.asked = asked;
        this.wish = new Wish(atEnd, lengthMax);
    }

    KafkaRequest request() {
        return request;
    }

    /** Called by any thread, whenever more is known of who owns what. */
    void look() {
        try {
            request.eventLoop().execute(this::make);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and the request with it
        }
    }

    /** Makes the wish, if that is not done. */
    void make() {
        if (!isWithdrawn && !isMade && shared.owns(request.clientId(), asked)) {
            isMade = true;
            shared.share().wish(wish);
        }
    }

    void withdraw() {
        isWithdrawn = true;
        shared.remove(this);
        if (isMade) {
            shared.share().withdraw(wish);
        }
    }
}
