package io.headrace.kafka.group;

import io.headrace.engine.Views.Wish;
import io.headrace.kafka.KafkaRequest;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * What one fetch wishes for, as soon as its sender is known to own its lanes. Made and withdrawn on
 * the request's event loop.
 */
final class LaneWish {
    private final KafkaRequest request;
    private final SharedTopic shared;
    private final int[] asked;
    private final int[] atEnd;
    private final int lengthMax;
    private @Nullable Wish made;
    private boolean isWithdrawn;

    LaneWish(KafkaRequest request, SharedTopic shared, int[] asked, int[] atEnd, int lengthMax) {
        this.request = request;
        this.shared = shared;
        this.asked = asked;
        this.atEnd = atEnd;
        this.lengthMax = lengthMax;
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
        if (isWithdrawn || made != null) {
            return;
        }
        made = shared.wish(request.clientId(), asked, atEnd, lengthMax);
        if (made != null) {
            shared.share().wish(made);
        }
    }

    void withdraw() {
        isWithdrawn = true;
        shared.remove(this);
        if (made != null) {
            shared.share().withdraw(made);
        }
    }
}
