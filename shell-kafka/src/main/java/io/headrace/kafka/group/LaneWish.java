package io.headrace.kafka.group;

import io.headrace.engine.Views.Wish;
import io.headrace.kafka.KafkaRequest;
import java.util.Arrays;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** What one fetch wishes for, once it is known which of its lanes are its sender's own. */
final class LaneWish {
    private final KafkaRequest request;
    private final SharedTopic shared;
    private final int[] lanes;
    private final int lengthMax;
    private final LaneOwner asker;
    private @Nullable Wish wish;
    private boolean isWithdrawn;

    LaneWish(KafkaRequest request, SharedTopic shared, int[] lanes, int lengthMax) {
        this.request = request;
        this.shared = shared;
        this.lanes = lanes;
        this.lengthMax = lengthMax;
        this.asker = LaneOwner.of(request.context());
    }

    KafkaRequest request() {
        return request;
    }

    /** Called by any thread, whenever more is known of who owns what. */
    void onKnown() {
        if (request.eventLoop().inEventLoop()) {
            wish();
            return;
        }
        try {
            request.eventLoop().execute(this::wish);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and the request with it
        }
    }

    private void wish() {
        if (isWithdrawn || wish != null) {
            return;
        }
        int[] own = Arrays.stream(lanes).filter(lane -> asker.equals(shared.owner(lane))).toArray();
        if (own.length > 0) {
            wish = new Wish(own, lengthMax);
            shared.share().wish(wish);
        }
    }

    void withdraw() {
        isWithdrawn = true;
        shared.forget(this);
        if (wish != null) {
            shared.share().withdraw(wish);
        }
    }
}
