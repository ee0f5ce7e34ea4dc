package io.headrace.engine.log;

import io.headrace.engine.spi.MetadataStore;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where unions go on in what they are over: as the rows say, and beyond these what was copied and
 * is not projected yet. Used by the thread that copies.
 */
final class UnionPositions {
    /** There is no row: nothing was copied. */
    static final long NONE = -1;

    private final MetadataStore store;

    /** What is kept although the rows know it, so that they need not be read; the newest. */
    private final int knownMax;

    private final Map<UnionPart, Position> known = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Where there is nothing to copy before an offset behind the last copy, which no row says.
     * Written by the thread that copies, read by any; as many as above at most, and what is let go
     * of is found, and counted, once more.
     */
    private final Map<UnionPart, Long> passed = new ConcurrentHashMap<>();

    /** Behind the last copy in each journal. */
    private final Map<Integer, Long> appendedEnds = new HashMap<>();

    /**
     * @param appended end of the union's journal when the copy was in it
     */
    private record Position(long nextOffset, int journal, long appended) {}

    UnionPositions(MetadataStore store, int knownMax) {
        this.store = store;
        this.knownMax = knownMax;
    }

    /** The next offset to copy; {@link #NONE} if nothing was. */
    long nextOffset(UnionPart part) {
        Long behind = passed.get(part);
        if (behind != null) {
            return behind;
        }
        Position position = known.get(part);
        return position == null ? stored(part) : position.nextOffset;
    }

    /** As the row says, or what there is nothing to copy before; for any thread. */
    long published(UnionPart part) {
        Long behind = passed.get(part);
        return behind == null ? stored(part) : behind;
    }

    private long stored(UnionPart part) {
        byte[] row = store.get(part.rowKey());
        return row == null ? NONE : Rows.number(row);
    }

    /** Notes what was appended to the union. */
    void copied(UnionPart part, long nextOffset, int journal, long appended) {
        known.put(part, new Position(nextOffset, journal, appended));
        appendedEnds.merge(journal, appended, Math::max);
        Long behind = passed.get(part);
        if (behind != null && behind <= nextOffset) {
            passed.remove(part);
        }
    }

    /** Where the last copies end that were appended since the start, by journal. */
    Map<Integer, Long> appended() {
        return new HashMap<>(appendedEnds);
    }

    /** Notes that nothing is to be copied before an offset; false if that is no news. */
    boolean passed(UnionPart part, long nextOffset) {
        if (nextOffset <= nextOffset(part)) {
            return false;
        }
        if (passed.size() >= knownMax && !passed.containsKey(part)) {
            Iterator<UnionPart> any = passed.keySet().iterator();
            any.next();
            any.remove();
        }
        passed.put(part, nextOffset);
        return true;
    }

    /** There is no such partition any more. */
    void forget(UnionPart part) {
        passed.remove(part);
    }

    /** Lets go of what is too much and in the rows; the rest is bounded by what they may lag by. */
    void trim(Projector projector) {
        Iterator<Position> oldest = known.values().iterator();
        while (known.size() > knownMax && oldest.hasNext()) {
            Position position = oldest.next();
            if (!isProjected(position, projector)) {
                return;
            }
            oldest.remove();
        }
    }

    private static boolean isProjected(Position position, Projector projector) {
        return projector.appliedPosition(position.journal) >= position.appended;
    }
}
