package io.headrace.engine.log;

/**
 * What a piece of a compaction may write, and say in the journal, before any space comes back:
 * docs/design/compaction.md.
 *
 * @param segmentBytes of batches; 0 if no segment is worth a beginning
 * @param entryBytes of entries; 0 if nothing can be said
 */
record CompactionRoom(long segmentBytes, long entryBytes) {
    static final CompactionRoom NONE = new CompactionRoom(0, 0);

    /** Of what is said of one piece; some 65,000 batches. */
    private static final long ENTRY_BYTES_MAX = 2 << 20;

    /** With less, a piece is not begun in what is left of a journal file. */
    private static final long ENTRY_BYTES_MIN = 1024;

    /**
     * @param roomBytes that may be written before any space comes back
     * @param cycleBytes of a journal file. Half of it is left to sealing; a segment is worth a
     *     beginning if there is as much beside
     * @param fileBytes of the room that another journal file would take; 0 if it has a place of its
     *     own
     * @param leftBytes of the journal's current file, on which nobody else counts
     */
    static CompactionRoom of(long roomBytes, long cycleBytes, long fileBytes, long leftBytes) {
        long sealedBytes = cycleBytes / 2;
        long ownBytes = roomBytes - sealedBytes;
        long entryBytesMax = Math.min(ENTRY_BYTES_MAX, sealedBytes);
        if (fileBytes == 0) {
            return new CompactionRoom(ownBytes < sealedBytes ? 0 : ownBytes, entryBytesMax);
        }
        if (ownBytes - fileBytes >= sealedBytes) {
            return new CompactionRoom(ownBytes - fileBytes, entryBytesMax);
        }
        if (leftBytes >= ENTRY_BYTES_MIN) {
            return new CompactionRoom(
                    ownBytes < sealedBytes ? 0 : ownBytes, Math.min(leftBytes, entryBytesMax));
        }
        return roomBytes < fileBytes
                ? NONE
                : new CompactionRoom(Math.max(0, ownBytes - fileBytes), entryBytesMax);
    }
}
