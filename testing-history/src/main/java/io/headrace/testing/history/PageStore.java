package io.headrace.testing.history;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages of longs: those used last in memory, as many as a bound allows, the others in a temporary
 * file that nobody else sees. Guarded by the history's lock.
 */
final class PageStore implements AutoCloseable {
    static final int LONGS = 4096;

    private static final int BYTES = LONGS * Long.BYTES;

    private static final class Page {
        private final int number;
        private final long[] longs;
        private boolean isDirty;

        private Page(int number, long[] longs) {
            this.number = number;
            this.longs = longs;
        }
    }

    private final int residentMax;

    /** In order of use. */
    private final LinkedHashMap<Integer, Page> resident = new LinkedHashMap<>(16, 0.75f, true);

    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private final ByteBuffer buffer = ByteBuffer.allocate(BYTES);
    private @Nullable FileChannel file;
    private @Nullable Page last;
    private int count;

    PageStore(long memoryBytes) {
        residentMax = (int) Math.max(2, memoryBytes / BYTES);
    }

    /** A page of zeros. */
    int allocate() {
        Integer reused = free.poll();
        int number = reused == null ? count++ : reused;
        long[] longs = takeLongs();
        Arrays.fill(longs, 0);
        Page page = new Page(number, longs);
        page.isDirty = true;
        resident.put(number, page);
        last = page;
        return number;
    }

    void free(int number) {
        resident.remove(number);
        last = null;
        free.add(number);
    }

    /** Borrowed until the next call. */
    long[] toRead(int number) {
        return page(number).longs;
    }

    /** Borrowed until the next call. */
    long[] toWrite(int number) {
        Page page = page(number);
        page.isDirty = true;
        return page.longs;
    }

    int residentCount() {
        return resident.size();
    }

    int residentMax() {
        return residentMax;
    }

    private Page page(int number) {
        Page page = last;
        if (page == null || page.number != number) {
            page = resident.get(number);
            if (page == null) {
                page = new Page(number, takeLongs());
                load(page);
                resident.put(number, page);
            }
            last = page;
        }
        return page;
    }

    /** Those of the page that was not used for longest, if there are as many as there may be. */
    private long[] takeLongs() {
        if (resident.size() < residentMax) {
            return new long[LONGS];
        }
        Map.Entry<Integer, Page> eldest = resident.entrySet().iterator().next();
        resident.remove(eldest.getKey());
        if (eldest.getValue().isDirty) {
            save(eldest.getValue());
        }
        return eldest.getValue().longs;
    }

    private void load(Page page) {
        try {
            buffer.clear();
            while (buffer.hasRemaining()) {
                if (file().read(buffer, position(page) + buffer.position()) < 0) {
                    throw new IllegalStateException("page is not in the file: " + page.number);
                }
            }
            buffer.flip().asLongBuffer().get(page.longs);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void save(Page page) {
        try {
            buffer.clear();
            buffer.asLongBuffer().put(page.longs);
            while (buffer.hasRemaining()) {
                file().write(buffer, position(page) + buffer.position());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long position(Page page) {
        return (long) page.number * BYTES;
    }

    private FileChannel file() throws IOException {
        FileChannel open = file;
        if (open == null) {
            Path path = Files.createTempFile("history", ".pages");
            open =
                    FileChannel.open(
                            path,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.DELETE_ON_CLOSE);
            file = open;
        }
        return open;
    }

    @Override
    public void close() {
        FileChannel open = file;
        if (open != null) {
            try {
                open.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
