package io.headrace.testing.history;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * A sparse array of rows of four longs, zero where nothing was written. Its pages are in a {@link
 * PageStore}: what stays on the heap is an entry for each 1,024 rows. Guarded by the history's
 * lock.
 */
final class Table {
    static final int COLUMNS = 4;
    static final long ROWS_PER_PAGE = PageStore.LONGS / COLUMNS;
    static final long NONE = -1;

    private final PageStore store;
    private final NavigableMap<Long, Integer> pages = new TreeMap<>();
    private long lastIndex = NONE;
    private int lastPage;

    Table(PageStore store) {
        this.store = store;
    }

    long get(long row, int column) {
        return find(row / ROWS_PER_PAGE) ? store.toRead(lastPage)[at(row, column)] : 0;
    }

    void set(long row, int column, long value) {
        long index = row / ROWS_PER_PAGE;
        if (!find(index)) {
            lastPage = store.allocate();
            lastIndex = index;
            pages.put(index, lastPage);
        }
        store.toWrite(lastPage)[at(row, column)] = value;
    }

    private static int at(long row, int column) {
        return (int) (row % ROWS_PER_PAGE) * COLUMNS + column;
    }

    /** Whether the page is there; the last one is remembered. */
    private boolean find(long index) {
        if (index != lastIndex) {
            Integer page = pages.get(index);
            if (page == null) {
                return false;
            }
            lastPage = page;
            lastIndex = index;
        }
        return true;
    }

    boolean hasPageOf(long row) {
        return find(row / ROWS_PER_PAGE);
    }

    /** The row itself if its page is there, else the first of the next page; NONE at the end. */
    long atOrAfter(long row) {
        long index = row / ROWS_PER_PAGE;
        if (find(index)) {
            return row;
        }
        Long next = pages.higherKey(index);
        return next == null ? NONE : next * ROWS_PER_PAGE;
    }

    /** The row itself if its page is there, else the last of the page before; NONE at the start. */
    long atOrBefore(long row) {
        long index = row / ROWS_PER_PAGE;
        if (row < 0 || find(index)) {
            return row < 0 ? NONE : row;
        }
        Long next = pages.lowerKey(index);
        return next == null ? NONE : (next + 1) * ROWS_PER_PAGE - 1;
    }

    /** The last row of the last page; NONE if there is none. */
    long last() {
        return pages.isEmpty() ? NONE : (pages.lastKey() + 1) * ROWS_PER_PAGE - 1;
    }

    /** Gives the pages back that lie wholly before the row. */
    void dropBefore(long row) {
        Map<Long, Integer> dropped = pages.headMap(row / ROWS_PER_PAGE);
        dropped.values().forEach(store::free);
        dropped.clear();
        lastIndex = NONE;
    }
}
