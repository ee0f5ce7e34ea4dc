package io.headrace.testing.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class TokenBucketTest {
    private static final long SECOND = 1_000_000_000L;

    private long now;

    private final TokenBucket bucket = new TokenBucket(() -> now);

    @Test
    void reservationsQueueAtTheRate() {
        for (int i = 1; i <= 10; i++) {
            assertEquals(i * SECOND / 10, bucket.reserve(100, 1000));
        }
    }

    @Test
    void pauseIsNotMadeUpForBeyondASmallBurst() {
        now += 3600 * SECOND;
        long wait = bucket.reserve(1000, 1000);
        assertTrue(wait > SECOND * 9 / 10 && wait <= SECOND, "wait=" + wait);
    }

    @Test
    void anotherRateCountsFromTheNextReservation() {
        bucket.reserve(1000, 1000);
        assertEquals(SECOND + SECOND / 10, bucket.reserve(1000, 10_000));
    }
}
