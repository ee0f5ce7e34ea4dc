package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.log.UnionCounts.Skipped;
import io.headrace.engine.spi.HeapMetadataStore;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a union whose journal takes nothing, and of the others. */
@SuppressWarnings("NullAway") // the log of a union that has none
final class UnionWriterTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Union refusing = union(10);
    private final Union other = union(11);
    private final List<Long> heard = new ArrayList<>();
    private final UnionOrigin origin = new UnionOrigin();
    private final UnionWriter writer;
    private long nowNs = 1;

    UnionWriterTest(@TempDir Path folder) {
        writer =
                new UnionWriter(
                        id -> id == 10 ? refusing : other,
                        (topic, partition) -> null,
                        new UnionPositions(HeapMetadataStore.open(folder), 100),
                        300,
                        UnionBounds.STANDARD,
                        clock(),
                        (union, untilNs) -> heard.add(untilNs - nowNs));
    }

    private static Union union(long id) {
        Map<String, String> configs =
                Map.of("headrace.view.type", "union", "headrace.view.topics", "a*");
        return Union.of(new Topic(id, "union" + id, 1, configs, TopicConfig.DEFAULTS, 1));
    }

    private Background clock() {
        return (Background)
                Proxy.newProxyInstance(
                        Background.class.getClassLoader(),
                        new Class<?>[] {Background.class},
                        (proxy, method, arguments) -> nowNs);
    }

    private static UnionPart part(Union union) {
        return new UnionPart(union.id(), 1, 0);
    }

    private boolean add(Union union, int offset) {
        ByteBuffer batch = ByteBuffer.allocate(200);
        RecordBatchWriter made = new RecordBatchWriter().begin(batch, 5);
        made.append(5, null, ByteBuffer.allocate(80));
        made.end();
        batch.flip().putLong(0, offset);
        BatchRecords records = new BatchRecords().of(batch);
        assertTrue(records.next());
        ByteBuffer headers = origin.append(records.headers(), new byte[] {'a'}, 1, 0, offset);
        return writer.add(union, part(union), records, headers);
    }

    @Test
    void oneThatIsRefusedLosesWhatWasPutTogetherForItAlone() {
        assertTrue(add(other, 0));
        assertTrue(add(refusing, 0));
        assertEquals(1, writer.nextOffset(refusing, part(refusing)));
        assertFalse(add(refusing, 1), "the second finds no room, and the first is refused");
        assertEquals(UnionPositions.NONE, writer.nextOffset(refusing, part(refusing)));
        assertEquals(1, writer.nextOffset(other, part(other)));
        assertTrue(writer.isRefusing(refusing));
        assertFalse(writer.isRefusing(other));
        assertEquals(1, refusing.counts().refused.sum());
        assertEquals(0, other.counts().refused.sum());
    }

    @Test
    void whatIsSkippedCountsOnceHoweverOftenWhatIsBeforeItIsRefused() {
        for (int i = 0; i < 3; i++) {
            assertTrue(add(refusing, 0));
            writer.skip(refusing, part(refusing), 3, Skipped.TOO_LONG, 2);
            assertEquals(3, writer.nextOffset(refusing, part(refusing)));
            writer.flushAll();
            assertEquals(UnionPositions.NONE, writer.nextOffset(refusing, part(refusing)));
            nowNs += heard.get(i);
        }
        assertEquals(0, refusing.counts().skipped());
        for (int i = 0; i < 3; i++) {
            writer.skip(refusing, part(refusing), 3, Skipped.DELETED, 3);
        }
        assertEquals(3, refusing.counts().skipped());
        assertEquals(3, writer.nextOffset(refusing, part(refusing)));
    }

    @Test
    void itIsLeftAloneTwiceAsLongEachTimeUpToABound() {
        for (int i = 0; i < 10; i++) {
            assertFalse(writer.isRefusing(refusing));
            assertTrue(add(refusing, 0));
            writer.flushAll();
            assertTrue(writer.isRefusing(refusing));
            nowNs += heard.get(i) - 1;
            assertTrue(writer.isRefusing(refusing));
            nowNs++;
        }
        assertEquals(List.of(100 * MS, 200 * MS, 400 * MS), heard.subList(0, 3));
        assertEquals(10_000 * MS, heard.get(9));
        assertEquals(10, refusing.counts().refused.sum());
    }
}
