package io.headrace.aeron;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.FragmentAssembler;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.protocol.DataHeaderFlyweight;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.io.IOException;
import java.net.DatagramSocket;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.agrona.concurrent.UnsafeBuffer;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AeronShellTest {
    private static final int STREAM_ID = 77;
    private static final int MIB = 1 << 20;

    /** Divides a term without rest, so that there is no padding. */
    private static final int FRAME_BYTES = 1024;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path folder;

    private OffHeapMemoryStore memory;
    private Engine engine;
    private AeronShell shell;
    private Aeron aeron;

    /** The JDK opens a socket pair for itself with the first channel, and keeps it. */
    @BeforeAll
    static void openChannelOnce() throws IOException {
        DatagramChannel.open().close();
    }

    @BeforeEach
    void openEngine() {
        memory = new OffHeapMemoryStore(new OffHeapContext().budgetBytes(256 * MIB));
        leaks.watch(memory);
        engine =
                Engine.launch(
                        new EngineContext()
                                .directory(folder.resolve("data"))
                                .memoryStore(memory)
                                .metadataStoreFactory(HeapMetadataStore::open)
                                .memoryTopicBudgetBytes(192 * MIB)
                                .journalCycleBytes(MIB)
                                .diskReserveBytes(0));
    }

    @AfterEach
    void closeAll() {
        for (AutoCloseable closeable : new AutoCloseable[] {aeron, shell, engine, memory}) {
            if (closeable != null) {
                try {
                    closeable.close();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    /** With a tap that may take its time. */
    private void launch(String channel) {
        launch(channel, false, 10_000);
    }

    private void launch(String channel, boolean isInvoked, long tapLagMaxMs) {
        String directory = folder.resolve("aeron").toString();
        shell =
                AeronShell.launch(
                        new AeronShellContext()
                                .engine(engine)
                                .aeronDirectory(directory)
                                .driverEmbedded(true)
                                .invoked(isInvoked)
                                .tapLagMaxMs(tapLagMaxMs)
                                .topics(
                                        List.of(
                                                new AeronTopic(
                                                        "gradients", 0, channel, STREAM_ID))));
        aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(directory));
    }

    private static String udpChannel() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(0)) {
            return "aeron:udp?term-length=8m|endpoint=127.0.0.1:" + socket.getLocalPort();
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("not in time: " + what);
            }
            Thread.yield();
        }
    }

    private PartitionLog log() {
        Topic topic = Objects.requireNonNull(engine.catalog().find("gradients"));
        return Objects.requireNonNull(engine.partitionLog(topic, 0));
    }

    /** Sizes from nothing to several fragments; the first bytes number the message. */
    private static List<byte[]> messages(int count, long seed) {
        Random random = new Random(seed);
        List<byte[]> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] message = new byte[i % 50 == 0 ? random.nextInt(20_000) : random.nextInt(300)];
            random.nextBytes(message);
            messages.add(message);
        }
        return messages;
    }

    private static void publish(Publication publication, byte[] message) {
        UnsafeBuffer buffer = new UnsafeBuffer(message);
        await("publish", () -> publication.offer(buffer, 0, message.length) > 0);
    }

    /** What a Kafka consumer would find in the topic, from its start to its end. */
    private List<byte[]> recordsAsKafkaReadsThem() {
        List<byte[]> values = new ArrayList<>();
        PartitionLog log = log();
        long offset = log.logStartOffset();
        while (offset < log.highWatermark()) {
            try (ReadResult result = read(log, offset)) {
                offset = addValues((RecordsLease) result, offset, values);
            }
        }
        return values;
    }

    /** From memory or from disk. */
    private static ReadResult read(PartitionLog log, long offset) {
        ReadResult result = log.read(offset, MIB);
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, MIB, loaded::complete);
        return loaded.join();
    }

    /** Returns the offset to read next. */
    private static long addValues(RecordsLease lease, long offset, List<byte[]> values) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            addValues(lease.slice(i), offset, values);
        }
        return lease.nextOffset();
    }

    private static void addValues(ByteBuffer slice, long offset, List<byte[]> values) {
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(slice).batches()) {
            batch.ensureValid();
            assertTrue(batch.baseOffset() >= offset);
            for (Record record : batch) {
                record.ensureValid();
                byte[] value = new byte[record.valueSize()];
                record.value().get(value);
                values.add(value);
            }
        }
    }

    private static void assertSame(List<byte[]> expected, List<byte[]> got) {
        assertEquals(expected.size(), got.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), got.get(i), "message " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ipc", "udp"})
    void subscribersAndTheTopicBothHaveEveryMessageInOrder(String media) throws IOException {
        String channel = media.equals("ipc") ? "aeron:ipc?term-length=8m" : udpChannel();
        launch(channel);
        List<byte[]> sent = messages(5000, 11);
        List<byte[]> received = new ArrayList<>();
        try (Subscription subscription = aeron.addSubscription(channel, STREAM_ID);
                Publication publication = aeron.addPublication(channel, STREAM_ID)) {
            await("connection", () -> subscription.isConnected() && hasTap());
            FragmentAssembler handler =
                    new FragmentAssembler(
                            (buffer, offset, length, header) -> {
                                byte[] message = new byte[length];
                                buffer.getBytes(offset, message);
                                received.add(message);
                            });
            for (byte[] message : sent) {
                publish(publication, message);
                subscription.poll(handler, 10);
            }
            await(
                    "subscriber",
                    () -> subscription.poll(handler, 10) < 0 || received.size() == sent.size());
            await("topic", () -> shell.metrics().records() == sent.size());
        }
        assertSame(sent, received);
        assertSame(sent, recordsAsKafkaReadsThem());
        assertEquals(0, shell.metrics().lostBytes());
    }

    /** Reads on as the topic grows, over all logs that it has meanwhile. */
    private List<byte[]> follow(int count) {
        List<byte[]> values = new ArrayList<>();
        long offset = 0;
        while (values.size() < count) {
            Topic topic = Objects.requireNonNull(engine.catalog().find("gradients"));
            PartitionLog log = engine.partitionLog(topic, 0); // none while its mode is changed
            if (log != null && offset < log.highWatermark()) {
                try (ReadResult result = read(log, offset)) {
                    offset =
                            result instanceof RecordsLease lease
                                    ? addValues(lease, offset, values)
                                    : offset;
                }
            }
        }
        return values;
    }

    /** While it is published to, tapped and read. */
    @ParameterizedTest
    @ValueSource(strings = {"ipc", "udp"})
    void nothingIsLostOrThereTwiceWhenTheModeOfTheTopicIsChanged(String media) throws Exception {
        String channel = media.equals("ipc") ? "aeron:ipc?term-length=8m" : udpChannel();
        launch(channel);
        List<byte[]> sent = messages(6000, 13);
        CompletableFuture<List<byte[]>> followed =
                CompletableFuture.supplyAsync(() -> follow(sent.size()));
        try (Publication publication = aeron.addPublication(channel, STREAM_ID)) {
            await("connection", () -> publication.isConnected() && hasTap());
            Iterator<byte[]> next = sent.iterator();
            publish(publication, next, 1000);
            for (String mode : List.of("persistent", "memory", "hybrid", "memory", "persistent")) {
                CompletableFuture<CatalogResult> change =
                        engine.catalog()
                                .alterConfigs(
                                        log().topic().id(),
                                        Map.of(StorageMode.CONFIG, mode),
                                        false);
                publish(publication, next, 1000);
                CatalogResult result = change.get(30, TimeUnit.SECONDS);
                assertNull(result.error(), result::toString);
                assertEquals(mode, log().topic().storageMode().configValue());
            }
            await("topic", () -> shell.metrics().records() >= sent.size());
        }
        assertSame(sent, followed.get(30, TimeUnit.SECONDS));
        assertSame(sent, recordsAsKafkaReadsThem());
        assertEquals(sent.size(), shell.metrics().records());
        assertEquals(0, shell.metrics().rejectedRecords());
        assertEquals(0, shell.metrics().lostBytes());
    }

    private static void publish(Publication publication, Iterator<byte[]> messages, int count) {
        for (int i = 0; i < count; i++) {
            publish(publication, messages.next());
        }
    }

    private boolean hasTap() {
        long[] images = new long[1];
        shell.metrics()
                .forEach((name, value) -> images[0] += name.endsWith("tap_images") ? value : 0);
        return images[0] > 0;
    }

    private void awaitTapInvoked() {
        await(
                "tap",
                () -> {
                    shell.invoke();
                    return hasTap();
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"ipc", "udp"})
    void aStalledTapLosesAndCountsWhileSubscribersGetEverything(String media) throws IOException {
        String channel =
                media.equals("ipc")
                        ? "aeron:ipc?term-length=64k"
                        : udpChannel().replace("8m", "64k");
        launch(channel, true, 2);
        byte[] message = new byte[FRAME_BYTES - DataHeaderFlyweight.HEADER_LENGTH];
        int[] received = new int[1];
        int count = 4000; // far more than the term window
        try (Subscription subscription = aeron.addSubscription(channel, STREAM_ID);
                Publication publication = aeron.addPublication(channel, STREAM_ID)) {
            await("subscriber", () -> subscription.isConnected() && publication.isConnected());
            awaitTapInvoked();
            UnsafeBuffer buffer = new UnsafeBuffer(message);
            int[] sent = new int[1];
            for (; sent[0] < 10; sent[0]++) {
                publish(publication, message);
            }
            await(
                    "the tap keeps up at first",
                    () -> {
                        shell.invoke();
                        return shell.metrics().records() == sent[0];
                    });
            await(
                    "subscriber has all although the tap stands still",
                    () -> {
                        if (sent[0] < count && publication.offer(buffer) > 0) {
                            sent[0]++;
                        }
                        received[0] += subscription.poll((b, o, l, h) -> {}, 10);
                        return received[0] == count;
                    });
            await(
                    "loss is counted when the tap is back",
                    () -> {
                        shell.invoke();
                        return shell.metrics().gaps() > 0;
                    });
            await(
                    "the tap goes on, and every message is in the topic or counted as lost",
                    () -> {
                        shell.invoke();
                        subscription.poll((b, o, l, h) -> {}, 10);
                        long kept = shell.metrics().records();
                        if (kept == 10 && publication.offer(buffer) > 0) {
                            sent[0]++;
                        }
                        long lostBytes = shell.metrics().lostBytes();
                        return kept > 10 && (sent[0] - kept) * FRAME_BYTES == lostBytes;
                    });
            assertEquals(1, shell.metrics().connects(), "the driver let go of the image alone");
        }
    }

    @Test
    void aMessageLargerThanABatchIsOneRecord() {
        launch("aeron:ipc?term-length=16m");
        byte[] large = new byte[600_000];
        new Random(5).nextBytes(large);
        try (Publication publication =
                aeron.addPublication("aeron:ipc?term-length=16m", STREAM_ID)) {
            await("connection", () -> publication.isConnected() && hasTap());
            publish(publication, new byte[10]);
            publish(publication, large);
            publish(publication, new byte[20]);
            await("topic", () -> shell.metrics().records() == 3);
        }
        assertSame(List.of(new byte[10], large, new byte[20]), recordsAsKafkaReadsThem());
    }

    @Test
    void whatTheTopicDoesNotTakeIsCountedAndTheRestGoesOn() {
        launch("aeron:ipc?term-length=16m");
        try (Publication publication =
                aeron.addPublication("aeron:ipc?term-length=16m", STREAM_ID)) {
            await("connection", () -> publication.isConnected() && hasTap());
            publish(publication, new byte[1_100_000]);
            await("refused for its size", () -> shell.metrics().rejectedRecords() == 1);
            publish(publication, new byte[10]);
            await("topic", () -> shell.metrics().records() == 1);
            engine.catalog().delete(List.of(log().topic().id())).join();
            publish(publication, new byte[10]);
            await("refused without a topic", () -> shell.metrics().rejectedRecords() == 2);
            engine.catalog().create(List.of(memoryTopic("gradients")), false).join();
            publish(publication, new byte[30]);
            await("the new topic", () -> shell.metrics().records() == 2);
            assertSame(List.of(new byte[30]), recordsAsKafkaReadsThem());
        }
    }

    private static TopicSpec memoryTopic(String name) {
        return new TopicSpec(name, 1, Map.of(StorageMode.CONFIG, StorageMode.MEMORY.configValue()));
    }

    @Test
    void badConfigIsRefusedByName() {
        AeronShellContext tooShort = new AeronShellContext().engine(engine).tapLagMaxMs(1);
        assertThrows(InvalidConfigException.class, tooShort::conclude);
        AeronShellContext twice =
                new AeronShellContext()
                        .engine(engine)
                        .topics(AeronTopic.parse("a@aeron:ipc@1,b@aeron:ipc@1"));
        assertThrows(InvalidConfigException.class, twice::conclude);
    }

    @Test
    void aStreamToAPartitionThatIsNotThereIsRefused() {
        launch("aeron:ipc");
        InvalidConfigException e =
                assertThrows(
                        InvalidConfigException.class,
                        () ->
                                AeronShell.launch(
                                        new AeronShellContext()
                                                .engine(engine)
                                                .topics(
                                                        AeronTopic.parse(
                                                                "gradients/1@aeron:ipc@1"))));
        assertTrue(String.valueOf(e.getMessage()).contains("partition below 1"), e.getMessage());
    }
}
