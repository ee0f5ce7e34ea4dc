package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.ListOffsetsRequest;
import org.apache.kafka.common.utils.internals.ByteUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ListOffsets: to the record, whatever the codec, and of the log that is in use. */
@Timeout(60)
class ListOffsetsTest {
    private static final int VERSION = 7;

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private RawClient client;
    private HeapLog log;

    @BeforeEach
    void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = new RawClient(shell.boundPort());
        engine.createNow("t", 1);
        log = engine.log("t", 0);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void theFirstRecordSinceATimeIsFound(CompressionType codec) throws IOException {
        Compression compression = Compression.of(codec).build();
        log.append(batch(compression, 100, 300, 200).buffer());
        log.append(batch(compression, 250, 400, 400, 350).buffer());
        assertFound(0, 100, 0);
        assertFound(1, 300, 101);
        assertFound(1, 300, 250);
        assertFound(4, 400, 301);
        assertFound(4, 400, 400);
        assertEquals(-1, list(401).offset());
        assertFound(4, 400, ListOffsetsRequest.MAX_TIMESTAMP);
    }

    @Test
    void everyVersionIsAnswered() throws IOException {
        log.append(batch(Compression.NONE, 100).buffer());
        for (int version = 1; version <= ApiKeys.LIST_OFFSETS.latestVersion(); version++) {
            assertEquals(1, list(ListOffsetsRequest.LATEST_TIMESTAMP, version).offset());
            assertEquals(0, list(ListOffsetsRequest.EARLIEST_TIMESTAMP, version).offset());
            assertEquals(0, list(100, version).offset());
        }
    }

    @Test
    void recordsThatWereDeletedAreNotFound() throws IOException {
        log.append(batch(Compression.NONE, 500, 100).buffer());
        log.append(batch(Compression.NONE, 50, 70).buffer());
        log.append(batch(Compression.NONE, 60, 450).buffer());
        log.deleteRecords(1);
        assertFound(1, 100, 100);
        assertFound(5, 450, 200);
    }

    @Test
    void aTimeOfAppendingIsThatOfTheFirstRecord() throws IOException {
        engine.createNow("stamped", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        HeapLog stamped = engine.log("stamped", 0);
        stamped.append(batch(Compression.gzip().build(), 1, 2, 3).buffer(), 1000);
        stamped.append(batch(Compression.gzip().build(), 1, 2, 3).buffer(), 2000);
        ListOffsetsPartitionResponse found = ask(request("stamped", 1001, 1)).get(0);
        assertEquals(3, found.offset());
        assertEquals(2000, found.timestamp());
    }

    @Test
    void coldRecordsAreLoaded() throws IOException {
        log.append(batch(Compression.NONE, 100, 300).buffer());
        log.chill();
        client.send(request("t", 200, 1), VERSION);
        Await.until("the read is asked for", () -> log.coldReadCount() == 1);
        log.completeColdReads();
        assertEquals(1, receive().get(0).offset());
    }

    @Test
    void aBatchThatCannotBeReadIsFoundAsAWhole() throws IOException {
        ByteBuffer garbled = batch(Compression.gzip().build(), 100, 200, 300).buffer();
        garbled.putInt(61, 0); // no gzip header any more
        RecordBatch.logAppendTime(garbled, 0, 300);
        garbled.put(22, (byte) (garbled.get(22) & ~8));
        garbled.putInt(17, RecordBatch.computeCrc(garbled, 0));
        log.append(garbled);
        assertEquals(0, list(250).offset());
    }

    /** What a record says of its offset is looked at by nobody when it is produced. */
    @ParameterizedTest
    @ValueSource(ints = {-1, 2, Integer.MAX_VALUE})
    void aRecordWithAnOffsetThatIsNotOfItsBatchIsFoundAsAWhole(int offsetDelta) throws IOException {
        log.append(batch(Compression.NONE, 100).buffer());
        ByteBuffer batch = ByteBuffer.allocate(RecordBatch.HEADER_LENGTH + 20);
        batch.position(RecordBatch.HEADER_LENGTH);
        ByteUtils.writeVarint(5 + ByteUtils.sizeOfVarint(offsetDelta), batch);
        batch.put(new byte[] {0, 0}); // attributes, timestamp delta
        ByteUtils.writeVarint(offsetDelta, batch);
        batch.put(new byte[] {1, 1, 0}); // no key, no value, no headers
        log.append(withHeader(batch.flip(), CompressionType.NONE));
        log.append(batch(Compression.NONE, 2000).buffer());
        assertFound(1, 1000, 500);
    }

    /** Nor by what it really has, as an object for each of a million headers. */
    @Test
    void aBatchIsNotBelievedByTheMemoryThatItAsksFor() throws IOException {
        ByteBuffer claiming = ByteBuffer.allocate(RecordBatch.HEADER_LENGTH + 28);
        claiming.position(RecordBatch.HEADER_LENGTH).putLong(0x82534E4150505900L);
        claiming.putInt(1).putInt(1).putInt(8); // a chunk of eight bytes
        ByteUtils.writeUnsignedVarint(400 << 20, claiming); // which are 400 MiB
        log.append(withHeader(claiming.position(0), CompressionType.SNAPPY));
        log.append(withHeader(manyHeaders(), CompressionType.NONE));
        Map<Long, Long> before = allocated();
        assertEquals(0, list(500).offset());
        log.deleteRecords(1);
        assertFound(1, 1000, 500);
        long allocated =
                allocated().entrySet().stream()
                        .mapToLong(now -> now.getValue() - before.getOrDefault(now.getKey(), 0L))
                        .sum();
        assertTrue(allocated > 0 && allocated < 32 << 20, "allocated=" + allocated);
    }

    private static ByteBuffer manyHeaders() {
        int count = 1 << 20;
        ByteBuffer batch = ByteBuffer.allocate(RecordBatch.HEADER_LENGTH + 16 + 2 * count);
        batch.position(RecordBatch.HEADER_LENGTH);
        ByteUtils.writeVarint(5 + ByteUtils.sizeOfVarint(count) + 2 * count, batch);
        batch.put(new byte[] {0, 0, 0, 1, 1}); // attributes, deltas, no key, no value
        ByteUtils.writeVarint(count, batch);
        for (int i = 0; i < count; i++) {
            batch.put((byte) 0).put((byte) 1);
        }
        return batch.flip();
    }

    private static ByteBuffer withHeader(ByteBuffer batch, CompressionType codec) {
        BatchHeader.write(batch, codec, 1);
        return batch;
    }

    /** By each thread that is there. */
    private static Map<Long, Long> allocated() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] ids = threads.getAllThreadIds();
        long[] bytes = threads.getThreadAllocatedBytes(ids);
        Map<Long, Long> allocated = new HashMap<>();
        for (int i = 0; i < ids.length; i++) {
            allocated.put(ids[i], bytes[i]);
        }
        return allocated;
    }

    @Test
    void aRequestAboutManyPartitionsIsAnsweredWhole() throws IOException {
        engine.createNow("wide", 3000);
        for (int i = 0; i < 3000; i++) {
            engine.log("wide", i).append(batch(Compression.NONE, 100, 200).buffer());
        }
        List<ListOffsetsPartitionResponse> all = ask(request("wide", 150, 3000));
        assertEquals(3000, all.size());
        assertTrue(all.stream().allMatch(each -> each.offset() == 1));
    }

    @Test
    void aLogThatIsNoLongerInUseIsNotAsked() throws IOException {
        log.append(batch(Compression.NONE, 1, 2, 3).buffer());
        assertEquals(0, list(ListOffsetsRequest.EARLIEST_TIMESTAMP).offset());
        log.close();
        engine.log("t", 0).deleteRecords(2);
        engine.log("t", 0).append(batch(Compression.NONE, 4).buffer());
        assertEquals(2, list(ListOffsetsRequest.EARLIEST_TIMESTAMP).offset());
        assertEquals(4, list(ListOffsetsRequest.LATEST_TIMESTAMP).offset());
    }

    private void assertFound(long offset, long timestamp, long since) throws IOException {
        ListOffsetsPartitionResponse found = list(since);
        assertEquals(Errors.NONE, Errors.forCode(found.errorCode()));
        assertEquals(offset, found.offset(), "since " + since);
        assertEquals(timestamp, found.timestamp(), "since " + since);
        assertEquals(5, found.leaderEpoch());
    }

    private ListOffsetsPartitionResponse list(long timestamp) throws IOException {
        return list(timestamp, VERSION);
    }

    private ListOffsetsPartitionResponse list(long timestamp, int version) throws IOException {
        return client.ask(request("t", timestamp, 1), version, ListOffsetsResponseData.class)
                .topics()
                .get(0)
                .partitions()
                .get(0);
    }

    private List<ListOffsetsPartitionResponse> ask(ListOffsetsRequestData data) throws IOException {
        client.send(data, VERSION);
        return receive();
    }

    private List<ListOffsetsPartitionResponse> receive() throws IOException {
        return client.receive(ApiKeys.LIST_OFFSETS, VERSION, ListOffsetsResponseData.class)
                .topics()
                .get(0)
                .partitions();
    }

    private static ListOffsetsRequestData request(String topic, long timestamp, int count) {
        List<ListOffsetsPartition> partitions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            partitions.add(new ListOffsetsPartition().setPartitionIndex(i).setTimestamp(timestamp));
        }
        return new ListOffsetsRequestData()
                .setTopics(
                        List.of(new ListOffsetsTopic().setName(topic).setPartitions(partitions)));
    }

    private static MemoryRecords batch(Compression compression, long... timestamps) {
        SimpleRecord[] records = new SimpleRecord[timestamps.length];
        for (int i = 0; i < timestamps.length; i++) {
            byte[] value = ("value " + i).getBytes(StandardCharsets.UTF_8);
            records[i] = new SimpleRecord(timestamps[i], value);
        }
        return MemoryRecords.withRecords(compression, records);
    }
}
