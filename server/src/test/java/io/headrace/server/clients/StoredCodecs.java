package io.headrace.server.clients;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.common.requests.FetchResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.ResponseHeader;

/** Which codecs the batches of a topic are stored in: a client may drop compression silently. */
final class StoredCodecs {
    private static final short FETCH_VERSION = 11;
    private static final int LENGTH_MAX = 8 << 20;

    private StoredCodecs() {}

    /** The codecs' names, of the batches at the beginning of partition 0. */
    static Set<String> of(String bootstrapServers, String topic) throws IOException {
        TopicPartition partition = new TopicPartition(topic, 0);
        FetchRequest request =
                FetchRequest.Builder.forConsumer(
                                FETCH_VERSION,
                                1000,
                                1,
                                Map.of(
                                        partition,
                                        new FetchRequest.PartitionData(
                                                Uuid.ZERO_UUID,
                                                0,
                                                -1,
                                                LENGTH_MAX,
                                                Optional.empty())))
                        .build(FETCH_VERSION);
        RequestHeader header = new RequestHeader(ApiKeys.FETCH, FETCH_VERSION, "test", 1);
        ByteBuffer answer = exchange(bootstrapServers, request.serializeWithHeader(header));
        ResponseHeader.parse(answer, ApiKeys.FETCH.responseHeaderVersion(FETCH_VERSION));
        FetchResponse response = FetchResponse.parse(new ByteBufferAccessor(answer), FETCH_VERSION);
        Set<String> codecs = new TreeSet<>();
        for (RecordBatch batch :
                FetchResponse.recordsOrFail(
                                response.responseData(Map.of(), FETCH_VERSION).get(partition))
                        .batches()) {
            codecs.add(batch.compressionType().name);
        }
        return codecs;
    }

    private static ByteBuffer exchange(String bootstrapServers, ByteBuffer request)
            throws IOException {
        String[] address = bootstrapServers.split(":");
        try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            ByteBuffer frame = ByteBuffer.allocate(4 + request.remaining());
            frame.putInt(request.remaining()).put(request);
            socket.getOutputStream().write(frame.array());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            return ByteBuffer.wrap(answer);
        }
    }
}
