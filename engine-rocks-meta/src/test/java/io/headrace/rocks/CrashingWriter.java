package io.headrace.rocks;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes numbered batches until it is killed: one thread writes, another flushes and then prints
 * the number of the last batch that it had seen written before the flush began.
 */
final class CrashingWriter {
    static final String LAST = "last";
    private static final int KEY_COUNT = 997;

    private CrashingWriter() {}

    public static void main(String[] arguments) {
        AtomicLong written = new AtomicLong();
        MetadataStore store = open(Path.of(arguments[0]));
        new Thread(() -> flushForever(store, written), "flusher").start();
        try (Batch batch = store.newBatch()) {
            for (long number = 1; ; number++) {
                batch.clear();
                change(number, batch);
                store.write(batch);
                written.set(number);
            }
        }
    }

    /** Small write buffers, so that the store also flushes of its own accord. */
    static MetadataStore open(Path folder) {
        return RocksMetadataStore.open(folder, new RocksContext().writeBufferBytes(1 << 20));
    }

    private static void flushForever(MetadataStore store, AtomicLong written) {
        while (true) {
            long before = written.get();
            store.flush();
            System.out.println(before);
            System.out.flush();
        }
    }

    private static void change(long number, Batch batch) {
        batch.put(bytes(LAST), bytes(Long.toString(number)));
        batch.put(bytes(key("a", number)), bytes(value(number)));
        batch.put(bytes(key("b", number * 31)), bytes(value(number)));
        batch.delete(bytes(key("a", number * 7)));
        if (number % 50 == 0) {
            batch.deleteRange(bytes(key("b", number)), bytes(key("b", number) + "~"));
        }
    }

    /** The same change as {@link #change(long, Batch)}, in a model. */
    static void change(long number, NavigableMap<String, String> model) {
        model.put(LAST, Long.toString(number));
        model.put(key("a", number), value(number));
        model.put(key("b", number * 31), value(number));
        model.remove(key("a", number * 7));
        if (number % 50 == 0) {
            model.subMap(key("b", number), key("b", number) + "~").clear();
        }
    }

    private static String key(String prefix, long number) {
        return prefix + number % KEY_COUNT;
    }

    private static String value(long number) {
        return Long.toString(number).repeat(20);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
