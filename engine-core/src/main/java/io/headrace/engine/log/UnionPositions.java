package io.headrace.engine.log;

import io.headrace.engine.spi.MetadataStore;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where unions go on in what they are over: as the rows say, and beyond these what was copied and
 * is not projected yet. Used by the thread that copies.
 */
final class UnionPositions {
    /** What is kept although the rows know it, so that they need not be read; the newest. */
    private static final int KNOWN_MAX = 1 << 16;

    /** There is no row: nothing was copied. */
    static final long NONE = -1;

    private final MetadataStore store;
    private final Map<UnionPart, Position> known = new LinkedHashMap<>(16, 0.75f, true);

    /** Behind the last copy in each journal. */
    private final Map<Integer, Long> appendedEnds = new HashMap<>();

    /**
     * @param appended end of the union's journal when the copy was in it
     */
    private record Position(long nextOffset, int journal, long appended) {}

    UnionPositions(MetadataStore store) {
        this.store = store;
    }

    /** The next offset to copy; {@link #NONE} if nothing was. */
    long nextOffset(UnionPart part) {
        Position position = known.get(part);
        return position == null ? stored(store, part) : position.nextOffset;
    }

    /** As the row says. */
    static long stored(MetadataStore store, UnionPart part) {
        byte[] row = store.get(part.rowKey());
        return row == null ? NONE : Rows.number(row);
    }

    /** Notes what was appended to the union. */
    void copied(UnionPart part, long nextOffset, int journal, long appended) {
        known.put(part, new Position(nextOffset, journal, appended));
        appendedEnds.merge(journal, appended, Math::max);
    }

    /** Where the last copies end that were appended since the start, by journal. */
    Map<Integer, Long> appended() {
        return new HashMap<>(appendedEnds);
    }

    /** Notes that nothing is to be copied before an offset. */
    void passed(UnionPart part, long nextOffset) {
        Position before = known.get(part);
        known.put(
                part,
                new Position(
                        nextOffset,
                        before == null ? 0 : before.journal,
                        before == null ? 0 : before.appended));
    }

    /** Lets go of what is too much and in the rows; the rest is bounded by what they may lag by. */
    void trim(Projector projector) {
        Iterator<Position> oldest = known.values().iterator();
        while (known.size() > KNOWN_MAX && oldest.hasNext()) {
            Position position = oldest.next();
            if (!isProjected(position, projector)) {
                return;
            }
            oldest.remove();
        }
    }

    private static boolean isProjected(Position position, Projector projector) {
        return position.journal == 0
                || projector.appliedPosition(position.journal) >= position.appended;
    }
}
