package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class AdaptiveLimitTest {
    private final AdaptiveLimit limit = new AdaptiveLimit(64);

    @Test
    void refusalHalvesAndIsNeverLessThanOne() {
        for (int expected : new int[] {32, 16, 8, 4, 2, 1, 1, 1}) {
            limit.onBusy(System.nanoTime(), System.nanoTime());
            assertEquals(expected, limit.current());
        }
    }

    @Test
    void requestsThatWereUnderWayHalveItOnce() {
        for (int i = 0; i < 64; i++) {
            limit.onBusy(i, 1000 + i);
        }
        assertEquals(32, limit.current());
        limit.onBusy(1001, 2000);
        assertEquals(16, limit.current());
    }

    @Test
    void asManySuccessesAsItIsRaiseItByOne() {
        limit.onBusy(0, 1);
        for (int i = 0; i < 33; i++) {
            limit.onSuccess();
        }
        assertEquals(33, limit.current());
        for (int i = 0; i < 100_000; i++) {
            limit.onSuccess();
        }
        assertEquals(64, limit.current());
    }
}
