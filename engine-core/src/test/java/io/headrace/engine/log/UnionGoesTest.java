package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Which partitions go on beside the backlog, and for how long. */
final class UnionGoesTest {
    private static final long UNION = 10;

    private final UnionGoes goes = new UnionGoes(2, 3);

    private static UnionPart part(long topicId) {
        return new UnionPart(UNION, topicId, 0);
    }

    private void takeAll(UnionPart part) {
        for (int i = 0; i < 3; i++) {
            assertTrue(goes.hasAny(part));
            assertTrue(goes.take(part));
        }
        assertFalse(goes.take(part));
        assertFalse(goes.hasAny(part));
    }

    @Test
    void onlyWhatWasCopiedToItsEndHasSomeAndHasThemAgainWhenItIs() {
        assertFalse(goes.take(part(1)), "what it has may be as old as it");
        for (int i = 0; i < 2; i++) {
            goes.renew(part(1));
            takeAll(part(1));
        }
    }

    @Test
    void whatIsNewerThanTheUnionHasSomeFromItsFirstRecordOn() {
        takeAll(part(UNION + 1));
    }

    @Test
    void whatIsNewerThanTheUnionMayBeOldAfterAStart() {
        goes.begin(UNION + 5);
        assertFalse(goes.take(part(UNION + 4)), "what it has may be from before the start");
        takeAll(part(UNION + 5));
    }

    @Test
    void whoeverWasForgottenHasNoneAnew() {
        takeAll(part(UNION + 1));
        takeAll(part(UNION + 2));
        goes.renew(part(UNION + 3));
        assertFalse(goes.hasAny(part(UNION + 1)));
        assertFalse(goes.hasAny(part(UNION + 4)), "it may be one that was forgotten");
        assertTrue(goes.hasAny(part(UNION + 3)));
    }

    @Test
    void theNewestAreRemembered() {
        goes.renew(part(1));
        goes.renew(part(2));
        assertTrue(goes.hasAny(part(1)));
        goes.renew(part(3));
        assertTrue(goes.hasAny(part(1)));
        assertFalse(goes.hasAny(part(2)));
    }
}
