package io.headrace.kafka.log;

import io.headrace.engine.TopicCatalog;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import java.util.ArrayDeque;
import java.util.Queue;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/**
 * InitProducerId without transactions: ids from a block that is taken from the catalog, so that one
 * durable command serves many producers. What is left of a block when the server ends is never
 * used.
 */
public final class InitProducerIdHandler implements RequestHandler {
    private static final int BLOCK_LENGTH = 1000;

    /** Requests that wait for a block; more than that are told to retry. */
    private static final int WAITING_MAX = 10_000;

    private final TopicCatalog catalog;
    private final Queue<KafkaRequest> waiting = new ArrayDeque<>();
    private long nextId;
    private long blockEnd;

    /**
     * @param catalog where ids come from
     */
    public InitProducerIdHandler(TopicCatalog catalog) {
        this.catalog = catalog;
    }

    @Override
    public void handle(KafkaRequest request) {
        InitProducerIdRequestData data = request.data(InitProducerIdRequestData.class);
        if (data.transactionalId() != null) {
            // Fatal to a producer, at once and by name: there is no transaction coordinator.
            request.fail(Errors.UNSUPPORTED_VERSION);
            return;
        }
        assign(request);
    }

    private void assign(KafkaRequest request) {
        long id;
        synchronized (this) {
            if (nextId == blockEnd) {
                await(request);
                return;
            }
            id = nextId++;
        }
        request.respond(
                new InitProducerIdResponseData().setProducerId(id).setProducerEpoch((short) 0));
    }

    private void await(KafkaRequest request) {
        if (waiting.size() >= WAITING_MAX) {
            request.fail(Errors.COORDINATOR_LOAD_IN_PROGRESS);
            return;
        }
        waiting.add(request);
        if (waiting.size() == 1) {
            catalog.allocateProducerIds(BLOCK_LENGTH).whenComplete(this::onBlock);
        }
    }

    private void onBlock(@Nullable Long firstId, @Nullable Throwable failure) {
        Queue<KafkaRequest> served;
        synchronized (this) {
            served = new ArrayDeque<>(waiting);
            waiting.clear();
            if (firstId != null) {
                nextId = firstId;
                blockEnd = firstId + BLOCK_LENGTH;
            }
        }
        for (KafkaRequest request : served) {
            if (firstId == null) {
                request.fail(failure);
            } else {
                assign(request);
            }
        }
    }
}
