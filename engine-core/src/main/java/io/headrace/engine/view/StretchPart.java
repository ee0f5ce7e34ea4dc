package io.headrace.engine.view;

/**
 * Records that are made at once, as a stretch of its own: of a stretch of the order that is too
 * long for its room in memory, one of several parts. There are as many as a power of two, so that a
 * part that is shorter lies within one that is longer. Immutable.
 *
 * @param from number of the first record
 * @param to behind the last one
 * @param lengthMax bytes that it may have, as they were when it was planned
 */
record StretchPart(long from, long to, long lengthMax) {

    /**
     * The part that holds a record.
     *
     * @param halvings how often it is halved because there was no memory for longer ones
     */
    static StretchPart of(RecordOrder order, long record, long lengthMax, int halvings) {
        long start = order.stretchStart(record);
        long end = order.stretchEnd(record);
        long count = end - start;
        long byLength = (order.stretchLength(record) - 1) / lengthMax + 1;
        long byCount = (count - 1) / StretchWriter.RECORDS_MAX + 1;
        long wanted = Math.min(count, Math.max(byLength, byCount) << halvings);
        long parts = Long.highestOneBit(wanted);
        parts = parts < wanted && 2 * parts <= count ? 2 * parts : parts;
        long part = (record - start) * parts / count;
        while (start + (part + 1) * count / parts <= record) {
            part++;
        }
        while (start + part * count / parts > record) {
            part--;
        }
        return new StretchPart(
                start + part * count / parts, start + (part + 1) * count / parts, lengthMax);
    }

    boolean holds(long record) {
        return record >= from && record < to;
    }

    /** What is left around a record without others, none of which holds that. */
    StretchPart without(long otherFrom, long otherTo, long record) {
        long left = otherTo <= record ? Math.max(from, otherTo) : from;
        long right = otherFrom > record ? Math.min(to, otherFrom) : to;
        return new StretchPart(left, right, lengthMax);
    }
}
