package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;

/**
 * Frames a stretch of text as record batches, one record per line, without key or headers. A line
 * ends before a line feed, or a carriage return and a line feed; the last one may have neither.
 * Lines above the limit are left out.
 *
 * <p>Two passes by the same rules: {@link #count} measures, {@link #write} writes. Used by one
 * thread.
 */
final class LineFramer {
    /** A batch is closed when it has reached this many bytes: the least that a small fetch gets. */
    static final int BATCH_LENGTH_TARGET = 64 << 10;

    private static final byte LINE_FEED = '\n';
    private static final byte CARRIAGE_RETURN = '\r';

    private final ByteBuffer text;
    private final int recordLengthMax;
    private int framedLength;
    private int recordCount;
    private int leftOutCount;
    private int batchLength;
    private int batchRecords;

    /**
     * @param text position to limit: whole lines; borrowed
     */
    LineFramer(ByteBuffer text, int recordLengthMax) {
        this.text = text;
        this.recordLengthMax = recordLengthMax;
    }

    /** Receives each line that is not left out: where its text begins and how long that is. */
    private interface LineHandler {
        void onLine(int begin, int length);
    }

    /** Measures; then {@link #recordCount} and {@link #framedLength} can be asked. */
    LineFramer count() {
        forEachLine(this::countLine);
        return this;
    }

    private void countLine(int begin, int length) {
        if (batchLength == 0) {
            batchLength = RecordBatch.HEADER_LENGTH;
            framedLength += RecordBatch.HEADER_LENGTH;
            batchRecords = 0;
        }
        int record = RecordBatchWriter.recordLength(0, batchRecords, -1, length, 0, 0);
        batchLength += record;
        framedLength += record;
        batchRecords++;
        recordCount++;
        if (batchLength >= BATCH_LENGTH_TARGET) {
            batchLength = 0;
        }
    }

    /** Bytes of all batches. */
    int framedLength() {
        return framedLength;
    }

    /** Lines that are records. */
    int recordCount() {
        return recordCount;
    }

    /** Lines that are too long. */
    int leftOutCount() {
        return leftOutCount;
    }

    /**
     * Writes the batches from index 0.
     *
     * @param firstOffset of the first record
     * @param timestampMs of all records
     */
    void write(ByteBuffer into, long firstOffset, int leaderEpoch, long timestampMs) {
        BatchSequence batches = new BatchSequence(into, firstOffset, leaderEpoch);
        ByteBuffer line = text.duplicate();
        forEachLine(
                (begin, length) -> {
                    line.limit(begin + length).position(begin);
                    batches.next(timestampMs).append(timestampMs, null, line);
                });
        batches.end();
    }

    private void forEachLine(LineHandler handler) {
        leftOutCount = 0;
        int begin = text.position();
        while (begin < text.limit()) {
            int end = lineEnd(text, begin, text.limit());
            int length = end - begin;
            if (length > 0 && end < text.limit() && text.get(end - 1) == CARRIAGE_RETURN) {
                length--;
            }
            if (length > recordLengthMax) {
                leftOutCount++;
            } else {
                handler.onLine(begin, length);
            }
            begin = end + 1;
        }
    }

    /** Index of the first line feed, or the limit. */
    private static int lineEnd(ByteBuffer text, int from, int limit) {
        int at = from;
        while (at < limit && text.get(at) != LINE_FEED) {
            at++;
        }
        return at;
    }

    /** Index after the last line feed, or the position if there is none. */
    static int endOfWholeLines(ByteBuffer text) {
        int at = text.limit();
        while (at > text.position() && text.get(at - 1) != LINE_FEED) {
            at--;
        }
        return at;
    }

    /** Batches one behind the other, each closed at {@link #BATCH_LENGTH_TARGET}. */
    static final class BatchSequence {
        private final ByteBuffer into;
        private final int leaderEpoch;
        private final RecordBatchWriter writer = new RecordBatchWriter();
        private long offset;
        private int start;
        private boolean isOpen;

        BatchSequence(ByteBuffer into, long firstOffset, int leaderEpoch) {
            this.into = into;
            this.offset = firstOffset;
            this.leaderEpoch = leaderEpoch;
        }

        /** The writer, in the batch that the next record belongs to. */
        RecordBatchWriter next(long timestampMs) {
            if (isOpen && writer.length() >= BATCH_LENGTH_TARGET) {
                end();
            }
            if (!isOpen) {
                start = into.position();
                writer.begin(into, timestampMs);
                isOpen = true;
            }
            return writer;
        }

        /** Closes the open batch, if there is one. */
        void end() {
            if (isOpen) {
                writer.end();
                RecordBatch.baseOffset(into, start, offset);
                RecordBatch.leaderEpoch(into, start, leaderEpoch);
                offset += writer.count();
                isOpen = false;
            }
        }
    }
}
