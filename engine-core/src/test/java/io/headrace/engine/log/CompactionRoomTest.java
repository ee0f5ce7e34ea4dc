package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** How long a piece of a compaction may be, and what may be said of it. */
class CompactionRoomTest {
    private static final long CYCLE = 128 << 20;
    private static final long SAID = 2 << 20;

    private static CompactionRoom room(long roomBytes, long fileBytes, long leftBytes) {
        return CompactionRoom.of(roomBytes, CYCLE, fileBytes, leftBytes);
    }

    @Test
    void sealingKeepsHalfAJournalFileAndAPieceNeedsAsMuch() {
        assertEquals(new CompactionRoom(CYCLE / 2, SAID), room(CYCLE, 0, 0));
        assertEquals(new CompactionRoom(0, SAID), room(CYCLE - 1, 0, 0));
    }

    @Test
    void aJournalFileStaysBesideWhatIsWritten() {
        assertEquals(new CompactionRoom(CYCLE / 2, SAID), room(2 * CYCLE, CYCLE, 0));
        assertEquals(new CompactionRoom(CYCLE / 2 + 9, SAID), room(2 * CYCLE + 9, CYCLE, 5000));
    }

    @Test
    void elseAPieceEndsWhereTheFileThatIsThereDoes() {
        assertEquals(new CompactionRoom(CYCLE * 3 / 2 - 1, 5000), room(2 * CYCLE - 1, CYCLE, 5000));
        assertEquals(new CompactionRoom(0, 5000), room(1, CYCLE, 5000));
    }

    @Test
    void whereThatIsFullAnotherOneMayTakeWhatIsLeft() {
        assertEquals(new CompactionRoom(CYCLE / 2 - 1, SAID), room(2 * CYCLE - 1, CYCLE, 0));
        assertEquals(new CompactionRoom(0, SAID), room(CYCLE, CYCLE, 0));
        assertEquals(CompactionRoom.NONE, room(CYCLE - 1, CYCLE, 0));
    }
}
