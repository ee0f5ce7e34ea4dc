package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** How long a classic member's heartbeat may wait. */
class HeartbeatHoldTest {
    private static final long HOLD_MS = 2_500;

    @Test
    void untilTheNextComesIfItComesWithoutAnAnswer() {
        assertEquals(5_000, GroupHandlers.classicHoldMs("apache-kafka-java", 45_000, HOLD_MS));
    }

    @Test
    void notUntilTheNextIsDueIfThatWaitsForTheAnswer() {
        assertEquals(HOLD_MS, GroupHandlers.classicHoldMs("librdkafka", 45_000, HOLD_MS));
    }

    @Test
    void aQuarterOfTheSessionAtMost() {
        assertEquals(1_500, GroupHandlers.classicHoldMs("apache-kafka-java", 6_000, HOLD_MS));
        assertEquals(1_500, GroupHandlers.classicHoldMs("librdkafka", 6_000, HOLD_MS));
    }

    @Test
    void notAtAllWhereItIsSwitchedOff() {
        assertEquals(0, GroupHandlers.classicHoldMs("apache-kafka-java", 45_000, 0));
    }
}
