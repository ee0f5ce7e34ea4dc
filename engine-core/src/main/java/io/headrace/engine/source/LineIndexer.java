package io.headrace.engine.source;

import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Counts the lines of a partition's objects, a stretch at a time, as far as somebody wants to read.
 * What was read to be counted is framed and cached in the same step, and the beginning of a line
 * that the stretch cut is kept, so that no byte is downloaded twice. A stretch becomes readable
 * once its entry is durable.
 *
 * <p>Runs in steps on cold threads, one step at a time.
 */
final class LineIndexer {
    /** Bytes read at a time; with a third more for framing it fills a slab of 1 MiB. */
    private static final int STRETCH_LENGTH = 768 << 10;

    private static final byte[] NOTHING = new byte[0];

    private final int partition;
    private final SourceTopic topic;
    private final SourceLogs logs;
    private final Pause pause;

    /** Calls of {@link #start} that the step which runs has not seen; 0 while none runs. */
    private final AtomicInteger signals = new AtomicInteger();

    private volatile long wanted;

    /** The log in use; it may be closed and opened again while a step runs. */
    private volatile SourceLog log;

    // handed from step to step
    private SourceEnd end;
    private byte[] carry = NOTHING;
    private boolean isInsideOfLongLine;

    LineIndexer(SourceLog log, SourceTopic topic, SourceLogs logs) {
        this.log = log;
        this.partition = log.partition();
        this.topic = topic;
        this.logs = logs;
        this.end = logs.index().end(topic.id(), partition);
        this.pause = new Pause(logs.nanoClock());
    }

    /**
     * Reports to another log of the partition from now on: there is one indexer, whatever log is
     * open.
     */
    void attach(SourceLog current) {
        log = current;
    }

    /** Somebody wants the record of that offset. */
    void want(long offset) {
        if (offset >= wanted) {
            wanted = offset + 1;
        }
        start();
    }

    /** Goes on, if there is something to do. */
    void start() {
        if (log.highWatermark() < wanted && !pause.isOn() && signals.getAndIncrement() == 0) {
            logs.runCold(this::step, () -> signals.set(0));
        }
    }

    /**
     * A counted stretch.
     *
     * @param entry what to journal
     * @param loaded its records, framed; null if it has none
     * @param carry bytes behind it that were read already
     */
    private record Stretch(SourceEntries.Lines entry, @Nullable LoadedBlock loaded, byte[] carry) {}

    private void step() {
        try {
            Stretch stretch = nextUnlessIdle();
            if (stretch == null) {
                return;
            }
            logs.append(
                    topic.id(),
                    stretch.entry().encode(),
                    () -> onDurable(stretch),
                    failed -> onNotDurable(stretch, failed));
        } catch (ObjectChangedException changed) {
            logs.complaints().error(changed.getMessage() + " topic=" + topic.name());
            stall(Unavailable.SOURCE_CHANGED);
        } catch (IOException | RuntimeException failed) {
            logs.complaints().error("indexing failed: topic=" + topic.name() + " cause=" + failed);
            stall(Unavailable.STORE_ERROR);
        }
    }

    /** The next stretch; null, and this indexer is idle, if there is nothing to do. */
    private @Nullable Stretch nextUnlessIdle() throws IOException {
        while (true) {
            int seen = signals.get();
            Stretch stretch = log.isClosed() || log.highWatermark() >= wanted ? null : next();
            if (stretch != null || signals.compareAndSet(seen, 0)) {
                return stretch;
            }
        }
    }

    private void onDurable(Stretch stretch) {
        end = stretch.entry().next();
        carry = stretch.carry();
        if (stretch.loaded() != null) {
            logs.cache().add(stretch.loaded());
        }
        log.onIndexed(end.offset());
        step();
    }

    private void onNotDurable(Stretch stretch, Throwable failed) {
        if (stretch.loaded() != null) {
            stretch.loaded().release();
        }
        if (topic.isClosed()) {
            return; // neither the index nor anybody who waits is left
        }
        logs.complaints()
                .error("index could not be journaled: topic=" + topic.name() + " cause=" + failed);
        stall(Unavailable.STORE_ERROR);
    }

    /** What was read and not journaled is read again. */
    private void stall(Unavailable why) {
        end = logs.index().end(topic.id(), partition);
        carry = NOTHING;
        isInsideOfLongLine = false;
        pause.begin();
        signals.set(0);
        log.onStalled(why);
    }

    /** The next stretch with an end, or null if all listed objects are counted. */
    private @Nullable Stretch next() throws IOException {
        while (true) {
            StoredObject object = logs.index().object(topic.id(), end.ordinal());
            if (object == null) {
                return null;
            }
            if (end.fromByte() >= object.length()) {
                beginNextObject();
                continue;
            }
            Stretch stretch = read(object);
            if (stretch != null) {
                return stretch;
            }
        }
    }

    private void beginNextObject() {
        end = new SourceEnd(end.offset(), end.ordinal() + topic.partitionCount(), 0);
        carry = NOTHING;
        isInsideOfLongLine = false;
    }

    /** Reads on; null if what was read has no end of a line. */
    private @Nullable Stretch read(StoredObject object) throws IOException {
        long readFrom = end.fromByte() + carry.length;
        int readLength = (int) Math.min(STRETCH_LENGTH, object.length() - readFrom);
        int length = carry.length + readLength;
        Slab raw = logs.slabs().allocate(length);
        try {
            ByteBuffer text = raw.buffer().duplicate().position(0).limit(length);
            text.put(carry);
            logs.loader().read(topic.spec(), object, readFrom, text.slice());
            text.position(0);
            return cut(object, text, readFrom + readLength == object.length());
        } finally {
            raw.release();
        }
    }

    private @Nullable Stretch cut(StoredObject object, ByteBuffer text, boolean isObjectEnd)
            throws IOException {
        if (isInsideOfLongLine && !skipLongLine(text) && !isObjectEnd) {
            end = new SourceEnd(end.offset(), end.ordinal(), end.fromByte() + text.limit());
            carry = NOTHING;
            return null;
        }
        int textEnd = isObjectEnd ? text.limit() : LineFramer.endOfWholeLines(text);
        if (textEnd == text.position() && !isObjectEnd) {
            keep(object, text);
            return null;
        }
        return count(object, text, textEnd, isObjectEnd);
    }

    /** Moves behind the line that is too long; false if it goes on beyond the text. */
    private boolean skipLongLine(ByteBuffer text) {
        while (text.hasRemaining()) {
            if (text.get() == '\n') {
                isInsideOfLongLine = false;
                return true;
            }
        }
        return false;
    }

    /** A line begins and does not end: kept while it may still become a record. */
    private void keep(StoredObject object, ByteBuffer text) {
        long fromByte = end.fromByte() + text.position();
        if (text.remaining()
                > topic.spec().recordLengthMax() + 1) { // it may end in a carriage return
            complain(object, fromByte, 1);
            isInsideOfLongLine = true;
            end = new SourceEnd(end.offset(), end.ordinal(), end.fromByte() + text.limit());
            carry = NOTHING;
            return;
        }
        end = new SourceEnd(end.offset(), end.ordinal(), fromByte);
        carry = bytes(text, text.position(), text.limit());
    }

    private Stretch count(StoredObject object, ByteBuffer text, int textEnd, boolean isObjectEnd)
            throws IOException {
        int begin = text.position();
        byte[] rest = bytes(text, textEnd, text.limit());
        LineFramer framer =
                new LineFramer(
                                text.duplicate().limit(textEnd).position(begin),
                                topic.spec().recordLengthMax())
                        .count();
        SourceBlock block =
                new SourceBlock(
                        topic.id(),
                        partition,
                        end.offset(),
                        framer.recordCount(),
                        end.ordinal(),
                        end.fromByte() + begin,
                        end.fromByte() + textEnd,
                        topic.spec().recordLengthMax(),
                        object.modifiedMs());
        if (framer.leftOutCount() > 0) {
            complain(object, block.fromByte(), framer.leftOutCount());
        }
        SourceEnd next =
                isObjectEnd
                        ? new SourceEnd(
                                block.endOffset(), end.ordinal() + topic.partitionCount(), 0)
                        : new SourceEnd(block.endOffset(), end.ordinal(), block.toByte());
        LoadedBlock loaded =
                framer.recordCount() == 0 ? null : logs.loader().frame(block, framer, object);
        if (isObjectEnd) {
            isInsideOfLongLine = false;
        }
        return new Stretch(new SourceEntries.Lines(block, next), loaded, rest);
    }

    private void complain(StoredObject object, long fromByte, int count) {
        logs.complaints()
                .error(
                        "lines left out, longer than "
                                + SourceSpec.RECORD_MAX_CONFIG
                                + ": topic="
                                + topic.name()
                                + " key="
                                + object.key()
                                + " fromByte="
                                + fromByte
                                + " count="
                                + count
                                + " max="
                                + topic.spec().recordLengthMax());
    }

    private static byte[] bytes(ByteBuffer text, int from, int to) {
        byte[] bytes = new byte[to - from];
        text.get(from, bytes);
        return bytes;
    }
}
