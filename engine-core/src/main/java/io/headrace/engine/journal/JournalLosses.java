package io.headrace.engine.journal;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.journal.JournalScan.LostEntry;
import io.headrace.engine.spi.EntryType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds out which records of one journal lay in its damaged stretches: a partition whose offsets go
 * on further up behind a stretch than they ended before it has lost what is between. Where nothing
 * of it is before, an envelope that is sound says where its loss begins. What a partition had at
 * its very end, with nothing behind the stretch, cannot be seen so.
 *
 * <p>Used by one thread, for one scan.
 */
public final class JournalLosses implements JournalScan.Handler {
    private final JournalScan.Handler next;
    private final Map<Partition, Seen> seen = new HashMap<>();
    private final List<Loss> losses = new ArrayList<>();
    private int damageCount;

    private record Partition(long topicId, int number) {}

    /** How far a partition's batches went, and how many stretches had been met by then. */
    private record Seen(long endOffset, int damageCount) {}

    /**
     * What is lost.
     *
     * @param type of the entry; all but BATCH are said by the entry's own envelope
     * @param fromOffset of the first record
     * @param toOffset behind the last record; −1 if it is not known
     */
    public record Loss(
            EntryType type, long topicId, int partition, long fromOffset, long toOffset) {}

    /**
     * @param next is handed everything too
     */
    public JournalLosses(JournalScan.Handler next) {
        this.next = next;
    }

    @Override
    public void onEntry(
            long position,
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {
        if (type == EntryType.BATCH) {
            long end = baseOffset + RecordBatch.offsetCount(payload, payload.position());
            onBatch(new Partition(topicId, partition), baseOffset, end);
        }
        next.onEntry(
                position, type, topicId, partition, baseOffset, leaderEpoch, appendTimeMs, payload);
    }

    private void onBatch(Partition partition, long baseOffset, long endOffset) {
        Seen before = seen.put(partition, new Seen(endOffset, damageCount));
        if (before == null) {
            endFirst(partition, baseOffset);
        } else if (before.damageCount < damageCount && before.endOffset < baseOffset) {
            lose(partition, before.endOffset, baseOffset);
        }
    }

    /** As the oldest file that is left may begin anywhere, its first batch may be the lost one. */
    private void endFirst(Partition partition, long baseOffset) {
        losses.stream()
                .filter(loss -> isWithin(loss, partition, 0, baseOffset))
                .mapToLong(Loss::fromOffset)
                .min()
                .ifPresent(from -> lose(partition, from, baseOffset));
    }

    private void lose(Partition partition, long from, long to) {
        losses.removeIf(loss -> isWithin(loss, partition, from, to));
        losses.add(new Loss(EntryType.BATCH, partition.topicId, partition.number, from, to));
    }

    /** Whether an envelope has said the beginning of what is now known whole. */
    private static boolean isWithin(Loss loss, Partition partition, long from, long to) {
        return loss.type == EntryType.BATCH
                && loss.topicId == partition.topicId
                && loss.partition == partition.number
                && loss.toOffset < 0
                && loss.fromOffset >= from
                && loss.fromOffset < to;
    }

    @Override
    public void onDamage(Damage damage) {
        damageCount++;
        LostEntry lost = damage.lost();
        if (lost != null) {
            losses.add(
                    new Loss(lost.type(), lost.topicId(), lost.partition(), lost.baseOffset(), -1));
        }
        next.onDamage(damage);
    }

    /** What is known to be lost, in the order in which it was found. */
    public List<Loss> losses() {
        return List.copyOf(losses);
    }
}
