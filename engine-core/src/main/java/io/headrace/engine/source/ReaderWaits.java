package io.headrace.engine.source;

import io.headrace.engine.SourceStatus;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How long each reader of a topic has waited for records. A bounded number of them is told apart: a
 * new one takes the place of one that has not waited for a while, and else is counted among the
 * others. What was counted once stays in the sum.
 *
 * <p>Thread-safe. A reader that has its place is counted without a lock and without an allocation;
 * nobody is who found its records in memory.
 */
final class ReaderWaits {
    /** Readers that are told apart. */
    static final int READERS_MAX = 32;

    /** All the others, and who has no name. */
    static final String OTHER = "other";

    /** Longer names are cut. */
    private static final int NAME_LENGTH_MAX = 64;

    /** Who has not waited for so long gives its place to another one. */
    static final long IDLE_NANOS = 10L * 60 * 1_000_000_000;

    /** How often such a place is looked for. */
    static final long SEARCH_NANOS = 1_000_000_000;

    private final LongSupplier nanoClock;
    private final Map<String, Wait> waits = new ConcurrentHashMap<>();
    private final LongAdder others = new LongAdder();

    /** When there was no place; while it is young nobody looks for one. */
    private volatile long fullSinceNanos;

    /** Of one reader; retired when its place is given to another one. */
    private static final class Wait {
        private static final long RETIRED = -1;

        private final AtomicLong nanos = new AtomicLong();
        private volatile long lastNanos;

        Wait(long now) {
            lastNanos = now;
        }

        /** False if it is retired, and its sum taken. */
        boolean add(long more, long now) {
            long sum = nanos.get();
            while (sum != RETIRED && !nanos.compareAndSet(sum, sum + more)) {
                sum = nanos.get();
            }
            lastNanos = now;
            return sum != RETIRED;
        }

        long retire() {
            return nanos.getAndSet(RETIRED);
        }
    }

    ReaderWaits(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
        this.fullSinceNanos = nanoClock.getAsLong() - SEARCH_NANOS;
    }

    /** A reader has waited. */
    void add(String reader, long nanos) {
        long now = nanoClock.getAsLong();
        String name = nameOf(reader);
        Wait wait = waits.get(name);
        if (wait == null) {
            wait = place(name, now);
        }
        if (wait == null || !wait.add(nanos, now)) {
            others.add(nanos);
        }
    }

    private @Nullable Wait place(String name, long now) {
        boolean isNameless = name.isEmpty() || name.equals(OTHER);
        return isNameless || now - fullSinceNanos < SEARCH_NANOS ? null : placeNew(name, now);
    }

    private synchronized @Nullable Wait placeNew(String name, long now) {
        if (waits.size() >= READERS_MAX && !waits.containsKey(name) && !makeRoom(now)) {
            fullSinceNanos = now;
            return null;
        }
        return waits.computeIfAbsent(name, added -> new Wait(now));
    }

    private boolean makeRoom(long now) {
        Map.Entry<String, Wait> longestIdle = null;
        for (Map.Entry<String, Wait> each : waits.entrySet()) {
            if (longestIdle == null
                    || each.getValue().lastNanos - longestIdle.getValue().lastNanos < 0) {
                longestIdle = each;
            }
        }
        if (longestIdle == null || now - longestIdle.getValue().lastNanos < IDLE_NANOS) {
            return false;
        }
        waits.remove(longestIdle.getKey());
        others.add(longestIdle.getValue().retire());
        return true;
    }

    /** A name as it may stand within quotes anywhere. */
    private static String nameOf(String reader) {
        int length = Math.min(reader.length(), NAME_LENGTH_MAX);
        for (int i = 0; i < length; i++) {
            if (!isPlain(reader.charAt(i))) {
                return plain(reader.substring(0, length));
            }
        }
        return length == reader.length() ? reader : reader.substring(0, length);
    }

    private static String plain(String name) {
        StringBuilder plain = new StringBuilder(name);
        for (int i = 0; i < plain.length(); i++) {
            if (!isPlain(plain.charAt(i))) {
                plain.setCharAt(i, '_');
            }
        }
        return plain.toString();
    }

    private static boolean isPlain(char c) {
        return c > ' ' && c < 0x7F && c != '"' && c != '\\';
    }

    /** All that have waited, the longest first. */
    List<SourceStatus.Reader> list() {
        List<SourceStatus.Reader> list = new ArrayList<>();
        waits.forEach((name, wait) -> add(list, name, wait.nanos.get()));
        add(list, OTHER, others.sum());
        list.sort(Comparator.comparingLong(SourceStatus.Reader::waitNanos).reversed());
        return list;
    }

    private static void add(List<SourceStatus.Reader> list, String name, long nanos) {
        if (nanos > 0) {
            list.add(new SourceStatus.Reader(name, nanos));
        }
    }
}
