package io.headrace.engine.journal;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.journal.JournalScan.LostEntry;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds out which records of one journal lay in its damaged stretches: a partition whose offsets go
 * on further up behind a stretch than they ended before it has lost what is between. Where nothing
 * of it is before, an envelope that is sound says where its loss begins. What a partition had at
 * its very end, with nothing behind the stretch, cannot be seen so. Nor can what lay in files that
 * are gone, because nothing in them lived: of that a part is in segments, and not lost.
 *
 * <p>Used by one thread, for one scan.
 */
public final class JournalLosses implements JournalScan.Handler {
    private static final int NO_CYCLE = -1;

    private final JournalScan.Handler next;
    private final Map<Partition, Seen> seen = new HashMap<>();
    private final List<Found> found = new ArrayList<>();
    private int damageCount;
    private int lastCycle = NO_CYCLE;

    /** How often the next file was not there. */
    private int gapCount;

    private record Partition(long topicId, int number) {}

    /** How far a partition's batches went, and how many stretches and gaps had been met by then. */
    private record Seen(long endOffset, int damageCount, int gapCount) {}

    /** A loss, and how many gaps had been met by then. */
    private record Found(Loss loss, int gapCount) {}

    /**
     * What is lost.
     *
     * @param type of the entry; all but BATCH are said by the entry's own envelope
     * @param fromOffset of the first record
     * @param toOffset behind the last record; −1 if it is not known
     * @param isAtMost whether files before the end are gone, and with them what else there was: a
     *     part of it may be in segments
     */
    public record Loss(
            EntryType type,
            long topicId,
            int partition,
            long fromOffset,
            long toOffset,
            boolean isAtMost) {}

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
        noteCycle(Journal.cycle(position));
        if (type == EntryType.BATCH) {
            long end = baseOffset + RecordBatch.offsetCount(payload, payload.position());
            onBatch(new Partition(topicId, partition), baseOffset, end);
        }
        next.onEntry(
                position, type, topicId, partition, baseOffset, leaderEpoch, appendTimeMs, payload);
    }

    private void noteCycle(int cycle) {
        gapCount += lastCycle != NO_CYCLE && cycle > lastCycle + 1 ? 1 : 0;
        lastCycle = cycle;
    }

    private void onBatch(Partition partition, long baseOffset, long endOffset) {
        Seen before = seen.put(partition, new Seen(endOffset, damageCount, gapCount));
        if (before == null) {
            endFirst(partition, baseOffset);
        } else if (before.damageCount < damageCount && before.endOffset < baseOffset) {
            lose(partition, before.endOffset, baseOffset, before.gapCount);
        }
    }

    /** As the oldest file that is left may begin anywhere, its first batch may be the lost one. */
    private void endFirst(Partition partition, long baseOffset) {
        found.stream()
                .filter(each -> isWithin(each.loss, partition, 0, baseOffset))
                .min(Comparator.comparingLong(each -> each.loss.fromOffset))
                .ifPresent(
                        each -> lose(partition, each.loss.fromOffset, baseOffset, each.gapCount));
    }

    private void lose(Partition partition, long from, long to, int gapCountBefore) {
        found.removeIf(each -> isWithin(each.loss, partition, from, to));
        add(
                new Loss(
                        EntryType.BATCH,
                        partition.topicId,
                        partition.number,
                        from,
                        to,
                        gapCountBefore < gapCount));
    }

    private void add(Loss loss) {
        found.add(new Found(loss, gapCount));
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
        noteCycle(damage.cycle());
        damageCount++;
        LostEntry lost = damage.lost();
        if (lost != null) {
            add(
                    new Loss(
                            lost.type(),
                            lost.topicId(),
                            lost.partition(),
                            lost.baseOffset(),
                            -1,
                            false));
        }
        next.onDamage(damage);
    }

    /** What is known to be lost, in the order in which it was found. */
    public List<Loss> losses() {
        return found.stream().map(Found::loss).toList();
    }
}
