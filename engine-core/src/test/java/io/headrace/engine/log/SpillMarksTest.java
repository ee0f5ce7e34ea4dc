package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SpillMarksTest {
    private static final long UNKNOWN = -7;

    private final SpillMarks marks = new SpillMarks();

    @Test
    void theLastSpillThatASyncCoversSaysSinceWhenTheRestCanBeThere() {
        marks.add(10, 100);
        marks.add(20, 200);
        marks.add(30, 300);
        assertEquals(UNKNOWN, marks.removeCovered(9, UNKNOWN));
        assertEquals(200, marks.removeCovered(25, UNKNOWN));
        assertEquals(300, marks.removeCovered(30, UNKNOWN));
        assertEquals(UNKNOWN, marks.removeCovered(1000, UNKNOWN));
    }

    @Test
    void whereTooManyWaitTheAnswerIsEarlierAndNeverLater() {
        for (int i = 1; i <= 3 * SpillMarks.COUNT_MAX; i++) {
            marks.add(10L * i, 100L * i);
        }
        int newest = 3 * SpillMarks.COUNT_MAX;
        assertEquals(
                100L * (SpillMarks.COUNT_MAX - 1), marks.removeCovered(10L * newest - 1, UNKNOWN));
        assertEquals(100L * newest, marks.removeCovered(10L * newest, UNKNOWN));
        marks.add(1000, 5000);
        assertEquals(5000, marks.removeCovered(1000, UNKNOWN));
    }
}
