package io.headrace.kafka;

/** Answers the requests of one API. */
@FunctionalInterface
public interface RequestHandler {

    /**
     * Answers a request, now or later, from any thread, exactly once: {@link KafkaRequest#respond},
     * {@link KafkaRequest#fail} or {@link KafkaRequest#respondNothing}. An exception thrown here
     * answers the request as {@link KafkaRequest#fail} does.
     *
     * <p>Called on the event loop of the request's connection, in the order in which the requests
     * arrived; must not block. Record bytes in the body are borrowed: they alias the receive
     * buffer, which is gone when this method returns. Everything else in the body may be kept.
     */
    void handle(KafkaRequest request);
}
