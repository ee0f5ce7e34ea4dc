package io.headrace.server.engine;

import io.headrace.engine.batch.RecordFilter;
import io.headrace.kafka.KafkaRecordFilter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Throws when it comes to a key, or does something else, as long as it is told to. */
final class ThrowingFilter implements RecordFilter {
    private final RecordFilter filter = new KafkaRecordFilter();
    private final ByteBuffer badKey;
    private final AtomicInteger thrown = new AtomicInteger();
    private volatile @Nullable Planted planted;

    /** In which call. */
    enum Call {
        FOR_EACH,
        FILTER
    }

    private record Planted(Call call, Runnable action) {}

    ThrowingFilter(String badKey) {
        this.badKey = ByteBuffer.wrap(badKey.getBytes(StandardCharsets.UTF_8));
    }

    void throwIn(Call call, Supplier<RuntimeException> cause) {
        runIn(
                call,
                () -> {
                    throw cause.get();
                });
    }

    void runIn(Call call, Runnable action) {
        planted = new Planted(call, action);
    }

    void throwNoMore() {
        planted = null;
    }

    /** How often it has thrown. */
    int thrown() {
        return thrown.get();
    }

    /** Outside of the filter proper, which takes whatever is thrown within for damage. */
    private void check(Call call, ByteBuffer batch) {
        Planted now = planted;
        if (now != null && now.call == call && hasBadKey(batch)) {
            thrown.incrementAndGet();
            now.action.run();
        }
    }

    private boolean hasBadKey(ByteBuffer batch) {
        AtomicInteger found = new AtomicInteger();
        filter.forEach(
                batch,
                (offset, key) -> {
                    if (badKey.equals(key)) {
                        found.incrementAndGet();
                    }
                });
        return found.get() > 0;
    }

    @Override
    public boolean isCompactable(ByteBuffer batch) {
        return filter.isCompactable(batch);
    }

    @Override
    public void forEach(ByteBuffer batch, Visitor visitor) {
        check(Call.FOR_EACH, batch);
        filter.forEach(batch, visitor);
    }

    @Override
    public @Nullable ByteBuffer filter(
            ByteBuffer batch, Selection selection, long deleteHorizonMs) {
        check(Call.FILTER, batch);
        return filter.filter(batch, selection, deleteHorizonMs);
    }
}
