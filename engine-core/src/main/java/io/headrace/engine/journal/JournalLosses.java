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
    private int lastCycle = NO_CYCLE;

    /** Of each stretch, how many gaps had been met by then. */
    private final List<Integer> gapCounts = new ArrayList<>();

    /** How often the next file was not there. */
    private int gapCount;

    private record Partition(long topicId, int number) {}

    /** How far a partition's batches went, and how many stretches and gaps had been met by then. */
    private record Seen(long endOffset, int damageCount, int gapCount) {}

    /** A loss, and how many gaps had been met by then. */
    private record Found(Loss loss, int gapCount) {}

    /**
     * Where files are gone, and with them records of a partition that are not lost, perhaps, but in
     * segments: the loss is one at most then.
     *
     * @param before the damage, and behind what is known of the partition before it
     * @param behind the damage, and before what is known of the partition behind it
     */
    public record Gaps(boolean before, boolean behind) {
        public static final Gaps NONE = new Gaps(false, false);

        public boolean any() {
            return before || behind;
        }
    }

    /**
     * What is lost.
     *
     * @param type of the entry; all but BATCH are said by the entry's own envelope
     * @param fromOffset of the first record
     * @param toOffset behind the last record; −1 if it is not known
     */
    public record Loss(
            EntryType type,
            long topicId,
            int partition,
            long fromOffset,
            long toOffset,
            Gaps gaps) {}

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
        Seen before = seen.put(partition, new Seen(endOffset, gapCounts.size(), gapCount));
        if (before == null) {
            endFirst(partition, baseOffset);
        } else if (before.damageCount < gapCounts.size() && before.endOffset < baseOffset) {
            int gapsAtDamage = gapCounts.get(before.damageCount);
            Gaps gaps = new Gaps(before.gapCount < gapsAtDamage, gapsAtDamage < gapCount);
            lose(partition, before.endOffset, baseOffset, gaps);
        }
    }

    /** As the oldest file that is left may begin anywhere, its first batch may be the lost one. */
    private void endFirst(Partition partition, long baseOffset) {
        found.stream()
                .filter(each -> isWithin(each.loss, partition, 0, baseOffset))
                .min(Comparator.comparingLong(each -> each.loss.fromOffset))
                .ifPresent(each -> loseFirst(partition, each, baseOffset));
    }

    private void loseFirst(Partition partition, Found first, long to) {
        lose(partition, first.loss.fromOffset, to, new Gaps(false, first.gapCount < gapCount));
    }

    private void lose(Partition partition, long from, long to, Gaps gaps) {
        found.removeIf(each -> isWithin(each.loss, partition, from, to));
        add(new Loss(EntryType.BATCH, partition.topicId, partition.number, from, to, gaps));
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
        gapCounts.add(gapCount);
        LostEntry lost = damage.lost();
        if (lost != null) {
            add(
                    new Loss(
                            lost.type(),
                            lost.topicId(),
                            lost.partition(),
                            lost.baseOffset(),
                            -1,
                            Gaps.NONE));
        }
        next.onDamage(damage);
    }

    /** What is known to be lost, in the order in which it was found. */
    public List<Loss> losses() {
        return found.stream().map(Found::loss).toList();
    }
}
