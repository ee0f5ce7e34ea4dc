package io.headrace.bench.topics;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.common.requests.FetchResponse;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.ProduceResponse;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * One connection, one request at a time, no metadata: a KafkaProducer's own metadata grows with the
 * number of topics, and would be what is measured. Used by one thread.
 */
final class WireClient implements AutoCloseable {
    private static final short PRODUCE_VERSION = 11;
    private static final short FETCH_VERSION = 12;
    private static final short ALL_IN_SYNC = -1;
    private static final int TIMEOUT_MS = 30_000;
    private static final int FETCH_BYTES = 1 << 20;
    private static final int RESPONSE_BYTES_MAX = 16 << 20;

    private final Socket socket;
    private final DataOutputStream out;
    private final DataInputStream in;
    private int correlationId;

    WireClient(InetSocketAddress address) throws IOException {
        socket = new Socket();
        socket.connect(address, TIMEOUT_MS);
        socket.setSoTimeout(TIMEOUT_MS);
        socket.setTcpNoDelay(true);
        out = new DataOutputStream(socket.getOutputStream());
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    }

    /** Appends one record to partition 0, acks=all; returns its offset. */
    long produce(String topic, byte[] value) throws IOException {
        ProduceRequest request = new ProduceRequest(produceData(topic, value), PRODUCE_VERSION);
        ProduceResponse response =
                (ProduceResponse) call(ApiKeys.PRODUCE, PRODUCE_VERSION, request);
        ProduceResponseData.PartitionProduceResponse partition =
                response.data().responses().iterator().next().partitionResponses().get(0);
        check(topic, "produce", partition.errorCode());
        return partition.baseOffset();
    }

    private static ProduceRequestData produceData(String topic, byte[] value) {
        MemoryRecords records =
                MemoryRecords.withRecords(
                        Compression.NONE, new SimpleRecord(System.currentTimeMillis(), value));
        var partition =
                new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records);
        var topics = new ProduceRequestData.TopicProduceDataCollection();
        topics.add(
                new ProduceRequestData.TopicProduceData()
                        .setName(topic)
                        .setPartitionData(List.of(partition)));
        return new ProduceRequestData()
                .setAcks(ALL_IN_SYNC)
                .setTimeoutMs(TIMEOUT_MS)
                .setTopicData(topics);
    }

    /** Reads partition 0 from an offset, as far as one answer goes. */
    MemoryRecords fetch(String topic, long offset) throws IOException {
        FetchRequest request = new FetchRequest(fetchData(topic, offset), FETCH_VERSION);
        FetchResponse response = (FetchResponse) call(ApiKeys.FETCH, FETCH_VERSION, request);
        check(topic, "fetch", response.data().errorCode());
        FetchResponseData.PartitionData partition =
                response.data().responses().get(0).partitions().get(0);
        check(topic, "fetch", partition.errorCode());
        return (MemoryRecords) FetchResponse.recordsOrFail(partition);
    }

    private static FetchRequestData fetchData(String topic, long offset) {
        var partition =
                new FetchRequestData.FetchPartition()
                        .setPartition(0)
                        .setFetchOffset(offset)
                        .setPartitionMaxBytes(FETCH_BYTES);
        return new FetchRequestData()
                .setMaxWaitMs(TIMEOUT_MS / 2)
                .setMinBytes(1)
                .setMaxBytes(FETCH_BYTES)
                .setSessionId(0)
                .setSessionEpoch(-1)
                .setTopics(
                        List.of(
                                new FetchRequestData.FetchTopic()
                                        .setTopic(topic)
                                        .setPartitions(List.of(partition))));
    }

    private AbstractResponse call(ApiKeys api, short version, AbstractRequest request)
            throws IOException {
        RequestHeader header = new RequestHeader(api, version, "topics", ++correlationId);
        ByteBuffer bytes = request.serializeWithHeader(header);
        byte[] frame = new byte[Integer.BYTES + bytes.remaining()];
        ByteBuffer.wrap(frame).putInt(bytes.remaining()).put(bytes);
        out.write(frame);
        return AbstractResponse.parseResponse(ByteBuffer.wrap(readFrame()), header);
    }

    private byte[] readFrame() throws IOException {
        int length = in.readInt();
        if (length < 0 || length > RESPONSE_BYTES_MAX) {
            throw new IOException("implausible response: length=" + length);
        }
        byte[] frame = new byte[length];
        in.readFully(frame);
        return frame;
    }

    private static void check(String topic, String what, short errorCode) throws IOException {
        if (errorCode != Errors.NONE.code()) {
            throw new IOException(
                    what + " refused: topic=" + topic + " error=" + Errors.forCode(errorCode));
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
