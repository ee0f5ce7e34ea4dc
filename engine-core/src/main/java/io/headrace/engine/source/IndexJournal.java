package io.headrace.engine.source;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Entries of one partition on their way to stable storage, with the blocks that become readable
 * when they are there. A bounded number at a time; they are handed on in their order.
 *
 * <p>Appending is done by one thread at a time; entries become durable on any.
 */
final class IndexJournal {
    /** Entries on their way. */
    private static final int COUNT_MAX = 256;

    /** Bytes of the blocks that wait for their entries. */
    private static final long BYTES_MAX = 16 << 20;

    private final long topicId;
    private final SourceJournal journal;
    private final BiConsumer<SourceEntries.Stretch, @Nullable LoadedBlock> whenDurable;
    private final Runnable whenEmpty;
    private final SerialTask handingOn;

    private final Deque<Entry> entries = new ArrayDeque<>();
    private long bytes;
    private @Nullable Runnable whenNotFull;

    private record Entry(
            SourceEntries.Stretch stretch,
            @Nullable LoadedBlock loaded,
            CompletableFuture<?> durable) {
        int length() {
            return loaded == null ? 0 : loaded.length();
        }
    }

    /**
     * @param whenDurable takes over the block
     * @param whenEmpty told whenever everything was handed on
     */
    IndexJournal(
            long topicId,
            SourceJournal journal,
            BiConsumer<SourceEntries.Stretch, @Nullable LoadedBlock> whenDurable,
            Runnable whenEmpty) {
        this.topicId = topicId;
        this.journal = journal;
        this.whenDurable = whenDurable;
        this.whenEmpty = whenEmpty;
        this.handingOn = new SerialTask(Runnable::run, this::handOn);
    }

    /**
     * Appends an entry; takes over the block.
     *
     * @throws IOException if the journal does not take it now
     */
    void append(SourceEntries.Stretch stretch, @Nullable LoadedBlock loaded) throws IOException {
        CompletableFuture<?> durable = journal.append(topicId, stretch.encode());
        if (durable.isCompletedExceptionally()) {
            if (loaded != null) {
                loaded.release();
            }
            throw new IOException("index could not be journaled: cause=" + cause(durable));
        }
        Entry entry = new Entry(stretch, loaded, durable);
        synchronized (entries) {
            entries.add(entry);
            bytes += entry.length();
        }
        durable.whenComplete((done, failed) -> handingOn.signalHere());
    }

    private static Throwable cause(CompletableFuture<?> failed) {
        Throwable[] cause = new Throwable[1];
        failed.whenComplete((done, failure) -> cause[0] = failure);
        return cause[0];
    }

    /** An entry that will not become durable is the last of this journal's: the engine ends. */
    private void handOn() {
        Entry entry;
        while ((entry = nextDurable()) != null) {
            if (!entry.durable.isCompletedExceptionally()) {
                whenDurable.accept(entry.stretch, entry.loaded);
            } else if (entry.loaded != null) {
                entry.loaded.release();
            }
            remove(entry);
        }
    }

    private @Nullable Entry nextDurable() {
        synchronized (entries) {
            Entry entry = entries.peek();
            return entry == null || !entry.durable.isDone() ? null : entry;
        }
    }

    /** Until here it counts as on its way: who finds nothing there may rely on the rest. */
    private void remove(Entry handedOn) {
        Runnable roomAgain;
        boolean isEmpty;
        synchronized (entries) {
            entries.remove();
            bytes -= handedOn.length();
            isEmpty = entries.isEmpty();
            roomAgain = whenNotFull;
            whenNotFull = null;
        }
        if (roomAgain != null) {
            roomAgain.run();
        }
        if (isEmpty) {
            whenEmpty.run();
        }
    }

    /** Whether no more should be appended now; then somebody is told when that changes. */
    boolean isFull(Runnable tell) {
        synchronized (entries) {
            boolean isFull = entries.size() >= COUNT_MAX || bytes >= BYTES_MAX;
            whenNotFull = isFull ? tell : null;
            return isFull;
        }
    }

    /** Whether nothing is on its way: all that was appended is durable, and handed on. */
    boolean isEmpty() {
        synchronized (entries) {
            return entries.isEmpty();
        }
    }
}
