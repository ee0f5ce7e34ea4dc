package io.headrace.server.engine;

import io.headrace.engine.batch.RecordFilter;
import io.headrace.kafka.KafkaRecordFilter;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Holds compaction up at its first batch, and notes with each one how much has been sealed. */
final class HeldFilter implements RecordFilter {
    private static final long PATIENCE_S = 20;

    private final RecordFilter filter = new KafkaRecordFilter();
    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    volatile LongSupplier sealedFiles = () -> 0;
    volatile long sealedFilesSeen;

    void awaitHeld() {
        await(held);
    }

    void release() {
        released.countDown();
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(PATIENCE_S, TimeUnit.SECONDS)) {
                throw new AssertionError("waited in vain");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public boolean isCompactable(ByteBuffer batch) {
        return filter.isCompactable(batch);
    }

    @Override
    public void forEach(ByteBuffer batch, Visitor visitor) {
        held.countDown();
        await(released);
        filter.forEach(batch, visitor);
    }

    @Override
    public @Nullable ByteBuffer filter(
            ByteBuffer batch, Selection selection, long deleteHorizonMs) {
        sealedFilesSeen = sealedFiles.getAsLong();
        return filter.filter(batch, selection, deleteHorizonMs);
    }
}
