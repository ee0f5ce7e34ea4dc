package io.headrace.engine.journal;

import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.Journal.EntryHandler;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Walks the entries of a cycle of this start in its mapping, for whoever follows the appends.
 * Payloads were checked when they came in and are not looked at: of a batch, only the page with its
 * header is touched. Envelopes are checked.
 *
 * <p>Used by one thread.
 */
final class MappedEntries {
    private static final int HEADER = Integer.BYTES;
    private static final int METADATA_BIT = 0x4000_0000;
    private static final int LENGTH_MASK = 0x3FFF_FFFF;

    private final Path path;
    private final int cycle;
    private final ByteBuffer mapping;
    private final Envelope envelope = new Envelope();

    MappedEntries(Path path, int cycle, ByteBuffer mapping) {
        this.path = path;
        this.cycle = cycle;
        this.mapping = mapping.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Hands over the entries from an offset to another.
     *
     * @param from of an envelope, or a place between two documents
     * @param limit what lies below was appended before this call
     */
    void replay(long from, long limit, EntryHandler handler) {
        long offset = isEnvelope(from) ? from - HEADER : from;
        // An end may be a place between two documents, or the envelope of the first entry not
        // wanted.
        while (offset + HEADER < limit) {
            int header = mapping.getInt((int) offset);
            int length = header & LENGTH_MASK;
            if (header == CycleReader.END_OF_CYCLE_HEADER) {
                return;
            }
            if (header <= 0) {
                throw corrupt("document was not finished", offset);
            }
            if ((header & METADATA_BIT) == 0) {
                handOver(offset + HEADER, handler);
            }
            offset = CycleWriter.align(offset + HEADER + length);
        }
    }

    private boolean isEnvelope(long at) {
        return at >= HEADER && at + Journal.ENVELOPE_LENGTH <= mapping.limit() && load(at) == null;
    }

    private @Nullable String load(long at) {
        return envelope.load(mapping, (int) at, Journal.position(cycle, at));
    }

    private void handOver(long at, EntryHandler handler) {
        String wrong = load(at);
        if (wrong != null) {
            throw corrupt(wrong, at);
        }
        handler.onEntry(
                Journal.position(cycle, at),
                EntryType.of(envelope.type()),
                envelope.topicId(),
                envelope.partition(),
                envelope.baseOffset(),
                envelope.leaderEpoch(),
                envelope.appendTimeMs(),
                mapping.slice((int) at + Journal.ENVELOPE_LENGTH, envelope.payloadLength()));
    }

    private CorruptJournalException corrupt(String what, long at) {
        return new CorruptJournalException(
                "journal is damaged: reason="
                        + what.replace(' ', '_')
                        + " file="
                        + path
                        + " position="
                        + Journal.position(cycle, at)
                        + " offset="
                        + at);
    }
}
