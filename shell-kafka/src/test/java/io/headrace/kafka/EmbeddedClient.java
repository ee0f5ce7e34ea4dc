package io.headrace.kafka;

import io.netty.channel.DefaultChannelId;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.MockTicker;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * Requests of a connection without a socket, whose event loop runs when the test says so, at the
 * time that the test sets. Used by one thread.
 */
public final class EmbeddedClient {
    private final KafkaConnection connection;
    private final EmbeddedChannel channel;
    private final String clientId;
    private int lastCorrelationId;

    /**
     * Connects.
     *
     * @param software how it calls itself, such as {@code apache-kafka-java}
     */
    public EmbeddedClient(MockTicker ticker, String clientId, String software) {
        this.clientId = clientId;
        connection =
                new KafkaConnection(
                        new KafkaShellContext(),
                        Listener.of("127.0.0.1", 0),
                        new RequestHandlers(),
                        new InFlightBudget(1 << 20),
                        new ShellMetrics());
        channel =
                EmbeddedChannel.builder()
                        .channelId(DefaultChannelId.newInstance())
                        .ticker(ticker)
                        .handlers(connection)
                        .build();
        connection.tellClient(new ClientInformation(software, "1"));
    }

    /** A request that has arrived; nobody handles it. */
    public KafkaRequest request(ApiMessage data, int version) {
        ApiKeys api = ApiKeys.forId(data.apiKey());
        ByteBufferAccessor bytes = MessageUtil.toByteBufferAccessor(data, (short) version);
        return new KafkaRequest(
                connection,
                new RequestHeader(api, (short) version, clientId, ++lastCorrelationId),
                AbstractRequest.parseRequest(api, (short) version, bytes).request,
                0,
                System.nanoTime());
    }

    /** Has the event loop do what is due. */
    public void run() {
        channel.runPendingTasks();
        channel.runScheduledPendingTasks();
    }

    /** Closes the connection; the event loop goes on. */
    public void disconnect() {
        channel.pipeline().fireChannelInactive();
    }
}
