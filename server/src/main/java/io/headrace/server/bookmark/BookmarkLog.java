package io.headrace.server.bookmark;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.kafka.topic.TopicNames;
import io.headrace.server.bookmark.BookmarkException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.jspecify.annotations.Nullable;

/**
 * The topic that holds bookmarks: compacted, one partition, a record in a batch of its own for each
 * bookmark. For one thread, which it may block: {@link Bookmarks} has one for it.
 */
final class BookmarkLog {
    /** Longest record, as the offsets topic has it: what one commit can restore fits. */
    static final int RECORD_LENGTH_MAX = 8 << 20;

    private static final int READ_LENGTH = 1 << 20;
    private static final int REOPEN_COUNT_MAX = 8;
    private static final int WAIT_MS = 20_000;

    private final Engine engine;
    private @Nullable PartitionLog log;

    /** Takes the head of a record; without a value it says that the bookmark was deleted. */
    interface Visitor {
        void onRecord(long offset, long timestampMs, byte[] key, boolean hasValue);
    }

    BookmarkLog(Engine engine) {
        this.engine = engine;
    }

    /** Whether there is a topic; if not, nobody ever saved a bookmark. */
    boolean exists() {
        return engine.catalog().find(TopicNames.BOOKMARKS) != null;
    }

    private PartitionLog open() {
        Topic topic = engine.catalog().find(TopicNames.BOOKMARKS);
        PartitionLog found = engine.partitionLog(topic == null ? create() : topic, 0);
        if (found == null) {
            throw new EngineException(
                    "bookmarks cannot be reached now, retry: topic=" + TopicNames.BOOKMARKS);
        }
        log = found;
        return found;
    }

    private PartitionLog log() {
        PartitionLog current = log;
        return current == null ? open() : current;
    }

    private Topic create() {
        TopicSpec spec =
                new TopicSpec(
                        TopicNames.BOOKMARKS,
                        1,
                        Map.of(
                                StorageMode.CONFIG,
                                StorageMode.PERSISTENT.configValue(),
                                "cleanup.policy",
                                "compact",
                                "retention.ms",
                                "-1",
                                "flush.messages",
                                "1",
                                "max.message.bytes",
                                Integer.toString(RECORD_LENGTH_MAX)));
        CatalogResult result = await(engine.catalog().create(List.of(spec), false), "topic").get(0);
        Topic existing =
                result.error() == Error.EXISTS ? engine.catalog().find(TopicNames.BOOKMARKS) : null;
        Topic topic = result.topic() != null ? result.topic() : existing;
        if (topic == null) {
            throw new EngineException(
                    "cannot create: topic=" + TopicNames.BOOKMARKS + " reason=" + result.message());
        }
        return topic;
    }

    /**
     * Appends a record, which is durable after {@link #awaitDurable}. If this throws, it was not
     * appended.
     *
     * @param value null deletes
     * @return its offset
     */
    long append(byte[] key, byte @Nullable [] value, long nowMs) {
        ByteBuffer batch = batch(key, value, nowMs);
        long offset = log().append(batch);
        for (int i = 0; offset == PartitionLog.CLOSED && i < REOPEN_COUNT_MAX; i++) {
            offset = open().append(batch);
        }
        if (offset == PartitionLog.BATCH_TOO_LARGE) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "bookmark is longer than the topic or a journal file can hold: topic="
                            + TopicNames.BOOKMARKS
                            + " length="
                            + batch.remaining());
        }
        if (offset < 0) {
            throw new EngineException(
                    "bookmark cannot be written now, retry: status="
                            + offset
                            + " length="
                            + batch.remaining());
        }
        return offset;
    }

    static int batchLength(byte[] key, byte @Nullable [] value) {
        int valueLength = value == null ? 0 : value.length;
        return RecordBatch.HEADER_LENGTH + RecordBatchWriter.lengthMax(key.length, valueLength);
    }

    private static ByteBuffer batch(byte[] key, byte @Nullable [] value, long nowMs) {
        ByteBuffer batch = ByteBuffer.allocateDirect(batchLength(key, value));
        RecordBatchWriter writer = new RecordBatchWriter().begin(batch, nowMs);
        writer.append(nowMs, ByteBuffer.wrap(key), value == null ? null : ByteBuffer.wrap(value));
        writer.end();
        return batch.flip();
    }

    /** Waits until all before an offset is durable. */
    void awaitDurable(long end) {
        for (int i = 0; log().highWatermark() < end; i++) {
            PartitionLog waitedOn = i == 0 ? log() : open();
            if (i > REOPEN_COUNT_MAX) {
                throw unknown();
            }
            CountDownLatch risen = new CountDownLatch(1);
            Runnable wake = risen::countDown;
            waitedOn.onHighWatermark(end, wake);
            try {
                if (!risen.await(WAIT_MS, TimeUnit.MILLISECONDS)) {
                    waitedOn.cancel(wake);
                    throw unknown();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw unknown();
            }
        }
    }

    private static EngineException unknown() {
        return new EngineException(
                "bookmark may or may not be written, retry: the disk did not answer");
    }

    /**
     * Visits all records, in order, as soon as they are durable: also those of which it was not
     * known whether they would be.
     */
    void forEach(Visitor visitor) {
        PartitionLog opened = open();
        long end = opened.logEndOffset();
        awaitDurable(end);
        long offset = opened.logStartOffset();
        while (offset < end) {
            try (ReadResult result = read(offset)) {
                if (result == Unavailable.CUT_OUT) {
                    return; // by a repair, whose output names it; nothing follows
                }
                RecordsLease lease = lease(result, offset);
                for (Record record : records(lease, offset)) {
                    visitor.onRecord(
                            record.offset(),
                            record.timestamp(),
                            bytes(record.key()),
                            record.hasValue());
                }
                offset = lease.nextOffset();
            }
        }
    }

    /** The value of the record at an offset. */
    byte[] value(long offset) {
        try (ReadResult result = read(offset)) {
            for (Record record : records(lease(result, offset), offset)) {
                if (record.offset() == offset && record.hasValue()) {
                    return bytes(record.value());
                }
            }
        }
        throw new EngineException("bookmark cannot be read: offset=" + offset);
    }

    private static RecordsLease lease(ReadResult result, long offset) {
        if (result instanceof RecordsLease lease) {
            return lease;
        }
        throw new EngineException(
                "bookmarks cannot be read now: topic="
                        + TopicNames.BOOKMARKS
                        + " offset="
                        + offset
                        + " reason="
                        + result);
    }

    private ReadResult read(long offset) {
        ReadResult result = log().read(offset, READ_LENGTH);
        for (int i = 0; result == Unavailable.CLOSED && i < REOPEN_COUNT_MAX; i++) {
            result = open().read(offset, READ_LENGTH);
        }
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> cold = new CompletableFuture<>();
        log().readCold(offset, READ_LENGTH, cold::complete);
        try {
            return await(cold, "read");
        } catch (EngineException late) {
            cold.thenAccept(ReadResult::close);
            throw late;
        }
    }

    /** Those from an offset on; valid as long as the lease is. */
    private static List<Record> records(RecordsLease lease, long fromOffset) {
        List<Record> found = new ArrayList<>();
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i).slice();
            for (Record record : MemoryRecords.readableRecords(slice).records()) {
                if (record.offset() >= fromOffset && record.hasKey()) {
                    found.add(record);
                }
            }
        }
        return found;
    }

    private static byte[] bytes(ByteBuffer of) {
        byte[] copy = new byte[of.remaining()];
        of.duplicate().get(copy);
        return copy;
    }

    private static <T> T await(CompletableFuture<T> answer, String what) {
        try {
            return answer.get(WAIT_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new EngineException("bookmarks cannot be reached now, retry: what=" + what, e);
        } catch (TimeoutException e) {
            throw new EngineException("bookmarks are not answered in time, retry: what=" + what);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException("the server is closing");
        }
    }
}
