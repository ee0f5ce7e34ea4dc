package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** When nothing is on its way any more. */
final class IndexJournalTest {
    private final List<CompletableFuture<Void>> appended = new ArrayList<>();
    private final List<Long> handedOn = new ArrayList<>();
    private int emptyCount;

    private final IndexJournal journal =
            new IndexJournal(
                    1,
                    (topicId, payload) -> {
                        appended.add(new CompletableFuture<>());
                        return appended.get(appended.size() - 1);
                    },
                    (stretch, loaded) -> onDurable(stretch),
                    () -> emptyCount++);

    private void onDurable(SourceEntries.Stretch stretch) {
        assertFalse(journal.isEmpty());
        assertEquals(0, emptyCount);
        handedOn.add(stretch.end().offset());
    }

    private void append(long endOffset) throws IOException {
        SourceEnd end = SourceEnd.begin(0).at(endOffset, 100, 0);
        journal.append(new SourceEntries.Stretch(0, 0, null, null, List.of(), end), null);
    }

    /** Who then tells readers that there is no more must know that they can read all of it. */
    @Test
    void entryIsOnItsWayUntilItWasHandedOn() throws IOException {
        append(1);
        append(2);
        appended.get(1).complete(null);
        assertEquals(List.of(), handedOn);
        appended.get(0).complete(null);
        assertEquals(List.of(1L, 2L), handedOn);
        assertTrue(journal.isEmpty());
        assertEquals(1, emptyCount);
    }
}
