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
    private final SourceLogs logs;
    private final BiConsumer<SourceEntries.Stretch, @Nullable LoadedBlock> whenDurable;
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
     */
    IndexJournal(
            long topicId,
            SourceLogs logs,
            BiConsumer<SourceEntries.Stretch, @Nullable LoadedBlock> whenDurable) {
        this.topicId = topicId;
        this.logs = logs;
        this.whenDurable = whenDurable;
        this.handingOn = new SerialTask(Runnable::run, this::handOn);
    }

    /**
     * Appends an entry; takes over the block.
     *
     * @throws IOException if the journal does not take it now
     */
    void append(SourceEntries.Stretch stretch, @Nullable LoadedBlock loaded) throws IOException {
        CompletableFuture<?> durable = logs.append(topicId, stretch.encode());
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
            if (entry.durable.isCompletedExceptionally()) {
                if (entry.loaded != null) {
                    entry.loaded.release();
                }
            } else {
                whenDurable.accept(entry.stretch, entry.loaded);
            }
        }
    }

    private @Nullable Entry nextDurable() {
        Runnable roomAgain = null;
        Entry entry;
        synchronized (entries) {
            entry = entries.peek();
            if (entry == null || !entry.durable.isDone()) {
                return null;
            }
            entries.remove();
            bytes -= entry.length();
            roomAgain = whenNotFull;
            whenNotFull = null;
        }
        if (roomAgain != null) {
            roomAgain.run();
        }
        return entry;
    }

    /** Whether no more should be appended now; then somebody is told when that changes. */
    boolean isFull(Runnable tell) {
        synchronized (entries) {
            boolean isFull = entries.size() >= COUNT_MAX || bytes >= BYTES_MAX;
            whenNotFull = isFull ? tell : null;
            return isFull;
        }
    }

    /** Whether nothing is on its way. */
    boolean isEmpty() {
        synchronized (entries) {
            return entries.isEmpty();
        }
    }
}
