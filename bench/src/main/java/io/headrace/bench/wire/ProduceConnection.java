package io.headrace.bench.wire;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * A connection that sends the same produce request again and again (one record, acks=all), with
 * several under way. The request is encoded once; of an answer only the error is looked at. Used by
 * one thread.
 */
final class ProduceConnection implements AutoCloseable {
    /** The last version whose answer has its fields at fixed places. */
    private static final short VERSION = 8;

    private static final short ALL_IN_SYNC = -1;
    private static final int TIMEOUT_MS = 30_000;
    private static final int ANSWER_LENGTH_MAX = 4096;

    private final SocketChannel channel;
    private final SelectionKey key;
    private final ByteBuffer request;
    private final ByteBuffer answers = ByteBuffer.allocateDirect(2 * ANSWER_LENGTH_MAX);
    private final int errorAt;

    /** What each request under way counts from, in order; a ring. */
    private final long[] sinceNs;

    private int first;
    private int underWay;
    private int waiting;

    /** Told of each answer. */
    interface Answers {
        void onAnswer(ProduceConnection from, long requestedNs);
    }

    /**
     * @param underWayMax requests that may wait for an answer, or to be sent
     */
    ProduceConnection(
            Selector selector,
            InetSocketAddress address,
            String topic,
            int partition,
            int valueLength,
            int underWayMax)
            throws IOException {
        request = encoded(topic, partition, valueLength);
        // Correlation id, count of topics, name, count of partitions, partition.
        errorAt = 4 + 4 + 2 + topic.getBytes(StandardCharsets.UTF_8).length + 4 + 4;
        sinceNs = new long[underWayMax];
        channel = SocketChannel.open(address);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.configureBlocking(false);
        key = channel.register(selector, SelectionKey.OP_READ, this);
        request.position(request.limit());
    }

    private static ByteBuffer encoded(String topic, int partition, int valueLength) {
        byte[] value = new byte[valueLength];
        new Random(valueLength).nextBytes(value);
        MemoryRecords records =
                MemoryRecords.withRecords(
                        Compression.NONE, new SimpleRecord(System.currentTimeMillis(), value));
        var partitions =
                List.of(
                        new ProduceRequestData.PartitionProduceData()
                                .setIndex(partition)
                                .setRecords(records));
        var topics = new ProduceRequestData.TopicProduceDataCollection();
        topics.add(
                new ProduceRequestData.TopicProduceData()
                        .setName(topic)
                        .setPartitionData(partitions));
        ProduceRequestData data =
                new ProduceRequestData()
                        .setAcks(ALL_IN_SYNC)
                        .setTimeoutMs(TIMEOUT_MS)
                        .setTopicData(topics);
        ByteBuffer body =
                new ProduceRequest(data, VERSION)
                        .serializeWithHeader(
                                new RequestHeader(ApiKeys.PRODUCE, VERSION, "bench", 0));
        ByteBuffer frame = ByteBuffer.allocateDirect(Integer.BYTES + body.remaining());
        return frame.putInt(body.remaining()).put(body).flip();
    }

    /** Has one more request sent, whose time counts from then; false if too many are under way. */
    boolean request(long countsFromNs) throws IOException {
        if (underWay == sinceNs.length) {
            return false;
        }
        sinceNs[(first + underWay) % sinceNs.length] = countsFromNs;
        underWay++;
        waiting++;
        send();
        return true;
    }

    int underWay() {
        return underWay;
    }

    /** Sends what the socket takes. */
    void send() throws IOException {
        while (true) {
            if (!request.hasRemaining()) {
                if (waiting == 0) {
                    key.interestOps(SelectionKey.OP_READ);
                    return;
                }
                waiting--;
                request.rewind();
            }
            channel.write(request);
            if (request.hasRemaining()) {
                key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
                return;
            }
        }
    }

    /**
     * Takes the answers that are there.
     *
     * @throws IOException if one is an error, or the connection is gone
     */
    void receive(Answers into) throws IOException {
        if (channel.read(answers) < 0) {
            throw new EOFException("the server closed the connection");
        }
        answers.flip();
        while (answers.remaining() >= Integer.BYTES) {
            int length = answers.getInt(answers.position());
            if (length > ANSWER_LENGTH_MAX) {
                throw new IOException("implausible answer: length=" + length);
            }
            if (answers.remaining() < Integer.BYTES + length) {
                break;
            }
            check(answers.getShort(answers.position() + Integer.BYTES + errorAt));
            answers.position(answers.position() + Integer.BYTES + length);
            long requestedNs = sinceNs[first];
            first = (first + 1) % sinceNs.length;
            underWay--;
            into.onAnswer(this, requestedNs);
        }
        answers.compact();
    }

    private static void check(short error) throws IOException {
        if (error != Errors.NONE.code()) {
            throw new IOException("produce refused: error=" + Errors.forCode(error));
        }
    }

    @Override
    public void close() throws IOException {
        key.cancel();
        channel.close();
    }
}
