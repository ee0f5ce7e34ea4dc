package io.headrace.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void theMedianOfAnEvenNumberLiesBetweenTheTwoInTheMiddle() {
        assertEquals("2.5 (1.0–9.0)", Spread.of(new double[] {9, 2, 1, 3}, "%.1f"));
        assertEquals("2.0 (1.0–9.0)", Spread.of(new double[] {9, 2, 1}, "%.1f"));
        assertEquals("–", Spread.of(new double[0], "%.1f"));
    }
}
