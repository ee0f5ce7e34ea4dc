package io.headrace.server.bookmark;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.kafka.group.GroupPositions;
import io.headrace.kafka.group.GroupPositions.TopicPositions;
import io.headrace.server.bookmark.BookmarkException.Reason;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Saves, restores, lists and deletes bookmarks, one request after the other on a thread of its own,
 * which ends while there is nothing to do. Where each bookmark lies is kept in memory from the
 * first use on; what is in it is read when it is wanted.
 *
 * <p>Thread-safe. Who made it closes it, before the shell and the engine.
 */
public final class Bookmarks implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(Bookmarks.class);

    /** Most bookmarks there may be: some 30 MB of names and offsets. */
    public static final int COUNT_MAX = 100_000;

    /** Most bytes of a state, as UTF-8: with positions of a whole group, it fits into a record. */
    public static final int STATE_LENGTH_MAX = 1 << 20;

    /** Most requests that wait; more are told to come again. */
    private static final int QUEUE_LENGTH_MAX = 32;

    /** Until its answer is given up, a request waits so long. */
    public static final long DEADLINE_MS = 60_000;

    /**
     * Later than this after it was asked, nothing is begun and nothing is changed any more: what is
     * under way by then is over, or answered as unknown, before its answer is given up.
     */
    private static final long CHANGE_MS = DEADLINE_MS - GroupPositions.WAIT_MS - 5_000;

    private static final long CLOSE_MS = 2_000;

    private final GroupPositions groups;
    private final BookmarkLog log;
    private final LongSupplier clockMs;
    private final LongSupplier clockNanos;
    private final ThreadPoolExecutor executor;

    /** When the request that is being answered may change nothing any more; of the thread alone. */
    private long deadlineNanos;

    /** Null until it is read, and after a write of which nobody knows; of the thread alone. */
    private @Nullable TreeMap<BookmarkName, Entry> index;

    /** Valid as long as the index is. */
    private GroupNotes notes = new GroupNotes();

    /** Where a bookmark lies, and when it was saved. */
    public record Entry(BookmarkName name, long offset, long savedMs) {}

    /**
     * @param groups whose positions are kept
     */
    public Bookmarks(Engine engine, GroupPositions groups) {
        this(engine, groups, System::currentTimeMillis, System::nanoTime);
    }

    Bookmarks(Engine engine, GroupPositions groups, LongSupplier clockMs, LongSupplier clockNanos) {
        this.groups = groups;
        this.log = new BookmarkLog(engine);
        this.clockMs = clockMs;
        this.clockNanos = clockNanos;
        this.executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        1,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(QUEUE_LENGTH_MAX),
                        task -> {
                            Thread thread = new Thread(task, "headrace-bookmarks");
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.allowCoreThreadTimeOut(true);
    }

    private <T> CompletableFuture<T> answer(Supplier<T> work) {
        long deadline = clockNanos.getAsLong() + TimeUnit.MILLISECONDS.toNanos(CHANGE_MS);
        try {
            return CompletableFuture.supplyAsync(
                    () -> {
                        deadlineNanos = deadline;
                        checkDeadline();
                        return work.get();
                    },
                    executor);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(
                    executor.isShutdown()
                            ? e
                            : new EngineException(
                                    "too many requests wait for bookmarks, retry: max="
                                            + QUEUE_LENGTH_MAX));
        }
    }

    /** Who gave a request up must not find it carried out later, when he has gone on. */
    private void checkDeadline() {
        if (clockNanos.getAsLong() - deadlineNanos > 0) {
            throw new EngineException(
                    "request waited too long, nothing was changed, retry: maxMs=" + CHANGE_MS);
        }
    }

    /**
     * Saves a bookmark, in the place of one of the same name.
     *
     * @param group whose positions to keep; null for none
     * @param state what else to keep; null for nothing
     * @return completes when it is durable
     */
    public CompletableFuture<Bookmark> save(
            BookmarkName name, @Nullable String group, @Nullable String state) {
        return answer(() -> saveNow(name, group, state));
    }

    private Bookmark saveNow(BookmarkName name, @Nullable String group, @Nullable String state) {
        checkAsked(name, group, state);
        TreeMap<BookmarkName, Entry> known = index();
        if (known.size() >= COUNT_MAX && !known.containsKey(name)) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "too many bookmarks, delete some: bookmark=" + name + " max=" + COUNT_MAX);
        }
        List<TopicPositions> positions = group == null ? List.of() : groups.committed(group);
        if (group != null && positions.isEmpty()) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "group has committed no position: bookmark=" + name + " group=" + group);
        }
        Bookmark bookmark = new Bookmark(name, clockMs.getAsLong(), group, positions, state);
        write(bookmark);
        return bookmark;
    }

    private static void checkAsked(
            BookmarkName name, @Nullable String group, @Nullable String state) {
        if (group == null && state == null) {
            throw new BookmarkException(
                    Reason.BAD_VALUE, "nothing to keep, neither group nor state: bookmark=" + name);
        }
        checkText(name, "group", group);
        checkText(name, "state", state);
        int length = state == null ? 0 : state.getBytes(StandardCharsets.UTF_8).length;
        if (length > STATE_LENGTH_MAX) {
            throw new BookmarkException(
                    Reason.BAD_VALUE,
                    "state too long: bookmark="
                            + name
                            + " bytes="
                            + length
                            + " max="
                            + STATE_LENGTH_MAX);
        }
    }

    /** What is no text has no bytes: another one would come back. */
    private static void checkText(BookmarkName name, String field, @Nullable String text) {
        if (text != null && !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new BookmarkException(
                    Reason.BAD_VALUE,
                    "not a text, it has half of a surrogate pair: bookmark="
                            + name
                            + " key="
                            + field);
        }
    }

    private void write(Bookmark bookmark) {
        BookmarkName name = bookmark.name();
        byte[] key = name.toString().getBytes(StandardCharsets.UTF_8);
        byte[] value = BookmarkJson.encode(bookmark);
        int length = BookmarkLog.batchLength(key, value);
        if (length > BookmarkLog.RECORD_LENGTH_MAX) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "more positions than a bookmark can hold: bookmark="
                            + name
                            + " partitions="
                            + bookmark.partitionCount()
                            + " bytes="
                            + length
                            + " max="
                            + BookmarkLog.RECORD_LENGTH_MAX);
        }
        long offset = append(key, value, bookmark.savedMs());
        index().put(name, new Entry(name, offset, bookmark.savedMs()));
    }

    /** If it does not become durable it is not known whether it counts: the index is read again. */
    private long append(byte[] key, byte @Nullable [] value, long nowMs) {
        checkDeadline();
        long offset = log.append(key, value, nowMs);
        TreeMap<BookmarkName, Entry> known = index;
        index = null;
        log.awaitDurable(offset + 1);
        index = known;
        return offset;
    }

    /** A bookmark. */
    public CompletableFuture<Bookmark> find(BookmarkName name) {
        return answer(() -> findNow(name));
    }

    private Bookmark findNow(BookmarkName name) {
        return BookmarkJson.decode(name, log.value(entry(name).offset()));
    }

    private Entry entry(BookmarkName name) {
        Entry entry = index().get(name);
        if (entry == null) {
            throw new BookmarkException(Reason.ABSENT, "no such bookmark: bookmark=" + name);
        }
        return entry;
    }

    /**
     * Gives a group the positions that a bookmark holds.
     *
     * @param group another one than it was saved from; null for that one
     * @return completes when that is durable, with the bookmark
     */
    public CompletableFuture<Restored> restore(BookmarkName name, @Nullable String group) {
        return answer(() -> restoreNow(name, group));
    }

    /**
     * What was restored.
     *
     * @param group that has the positions now; null if the bookmark holds none
     * @param removed how many partitions had a position that the bookmark does not hold
     */
    public record Restored(Bookmark bookmark, @Nullable String group, int removed) {}

    private Restored restoreNow(BookmarkName name, @Nullable String group) {
        checkText(name, "group", group);
        Bookmark bookmark = findNow(name);
        String to = group == null ? bookmark.group() : group;
        if (bookmark.group() == null && group != null) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "bookmark holds no positions: bookmark=" + name + " group=" + group);
        }
        int removed =
                to == null ? 0 : groups.restore(to, bookmark.positions(), this::checkDeadline);
        return new Restored(bookmark, to, removed);
    }

    /**
     * Bookmarks in order.
     *
     * @param after begins behind that one; null for the beginning
     * @param job only this one's; null for all
     * @param limit at most so many
     */
    public CompletableFuture<List<Entry>> list(
            @Nullable BookmarkName after, @Nullable String job, int limit) {
        return answer(
                () -> {
                    BookmarkName first = job == null ? null : new BookmarkName(job, 0);
                    TreeMap<BookmarkName, Entry> known = index();
                    var from =
                            after != null && (first == null || after.compareTo(first) >= 0)
                                    ? known.tailMap(after, false)
                                    : first == null ? known : known.tailMap(first, true);
                    return from.values().stream()
                            .takeWhile(entry -> job == null || entry.name().job().equals(job))
                            .limit(limit)
                            .toList();
                });
    }

    /** Deletes a bookmark; completes when that is durable. */
    public CompletableFuture<BookmarkName> delete(BookmarkName name) {
        return answer(
                () -> {
                    entry(name);
                    byte[] key = name.toString().getBytes(StandardCharsets.UTF_8);
                    append(key, null, clockMs.getAsLong());
                    index().remove(name);
                    return name;
                });
    }

    /**
     * Adds notes on a group, which need not be there. What changes nothing writes nothing.
     *
     * @param changes texts by key; an empty one takes the note away
     * @return completes when they are durable, with all notes on the group
     */
    public CompletableFuture<Map<String, String>> note(String group, Map<String, String> changes) {
        return answer(
                () -> {
                    GroupNotes.requireName(group);
                    TreeMap<String, String> known = notesNow(group);
                    TreeMap<String, String> all = GroupNotes.with(known, changes);
                    if (all.equals(known)) {
                        return all;
                    }
                    byte[] value = notes.encode(group, all);
                    long offset = append(GroupNotes.key(group), value, clockMs.getAsLong());
                    if (value == null) {
                        notes.remove(group);
                    } else {
                        notes.put(group, offset);
                    }
                    return all;
                });
    }

    /** Most bytes of the notes on a group, as JSON. */
    public static final int NOTES_LENGTH_MAX = GroupNotes.LENGTH_MAX;

    /** The notes on a group; none if nobody has made any. */
    public CompletableFuture<Map<String, String>> notes(String group) {
        return answer(
                () -> {
                    GroupNotes.requireName(group);
                    return notesNow(group);
                });
    }

    private TreeMap<String, String> notesNow(String group) {
        index(); // with which they are read
        Long offset = notes.offset(group);
        return offset == null ? new TreeMap<>() : GroupNotes.decode(group, log.value(offset));
    }

    private TreeMap<BookmarkName, Entry> index() {
        TreeMap<BookmarkName, Entry> known = index;
        if (known == null) {
            known = new TreeMap<>();
            notes = new GroupNotes();
            if (log.exists()) {
                read(known);
            }
            index = known;
        }
        return known;
    }

    private void read(TreeMap<BookmarkName, Entry> into) {
        log.forEach(
                (offset, timestampMs, key, hasValue) -> {
                    String text = new String(key, StandardCharsets.UTF_8);
                    String group = GroupNotes.groupOf(text);
                    if (group != null) {
                        read(group, offset, hasValue);
                        return;
                    }
                    BookmarkName name;
                    try {
                        name = BookmarkName.of(text);
                    } catch (BookmarkException other) {
                        LOGGER.warn("record that is no bookmark is left out: key={}", text);
                        return;
                    }
                    if (hasValue) {
                        into.put(name, new Entry(name, offset, timestampMs));
                    } else {
                        into.remove(name);
                    }
                });
    }

    private void read(String group, long offset, boolean hasValue) {
        if (hasValue) {
            notes.put(group, offset);
        } else {
            notes.remove(group);
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
        try {
            executor.awaitTermination(CLOSE_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
