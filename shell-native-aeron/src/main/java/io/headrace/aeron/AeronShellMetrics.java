package io.headrace.aeron;

import io.headrace.engine.Experimental;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ObjLongConsumer;

/** What the taps did. Written by the taps' thread alone; read by any. */
@Experimental
public final class AeronShellMetrics {
    private final AtomicLong records = new AtomicLong();
    private final AtomicLong payloadBytes = new AtomicLong();
    private final AtomicLong batches = new AtomicLong();
    private final AtomicLong lostBytes = new AtomicLong();
    private final AtomicLong gaps = new AtomicLong();
    private final AtomicLong rejectedRecords = new AtomicLong();
    private final AtomicLong backPressure = new AtomicLong();
    private final AtomicLong images = new AtomicLong();
    private final AtomicLong connects = new AtomicLong();

    AeronShellMetrics() {}

    /** Records appended to topics. */
    public long records() {
        return records.get();
    }

    /** Bytes of stream, Aeron's frame headers included, that passed while a tap lagged too far. */
    public long lostBytes() {
        return lostBytes.get();
    }

    /** How often a tap lagged so far that the driver let go of it. */
    public long gaps() {
        return gaps.get();
    }

    /** Records that their topic did not take: too large, read-only, or no such topic. */
    public long rejectedRecords() {
        return rejectedRecords.get();
    }

    /** How often the taps connected to the driver: more than once if it went away. */
    public long connects() {
        return connects.get();
    }

    /** Calls the consumer with each counter and gauge: name in Prometheus style, and value. */
    public void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_aeron_tap_records_total", records.get());
        consumer.accept("headrace_aeron_tap_payload_bytes_total", payloadBytes.get());
        consumer.accept("headrace_aeron_tap_batches_total", batches.get());
        consumer.accept("headrace_aeron_tap_lost_bytes_total", lostBytes.get());
        consumer.accept("headrace_aeron_tap_gaps_total", gaps.get());
        consumer.accept("headrace_aeron_tap_rejected_records_total", rejectedRecords.get());
        consumer.accept("headrace_aeron_tap_back_pressure_total", backPressure.get());
        consumer.accept("headrace_aeron_tap_connects_total", connects.get());
        consumer.accept("headrace_aeron_tap_images", images.get());
    }

    void onAppended(int recordCount, long valueBytes) {
        add(records, recordCount);
        add(payloadBytes, valueBytes);
        add(batches, 1);
    }

    void onRejected(int recordCount) {
        add(rejectedRecords, recordCount);
    }

    void onBackPressure() {
        add(backPressure, 1);
    }

    void onConnected() {
        images.setRelease(0); // those of the connection before are gone without a word
        add(connects, 1);
    }

    void onGap(long bytes) {
        add(gaps, 1);
        add(lostBytes, bytes);
    }

    void onImages(int difference) {
        add(images, difference);
    }

    /** Release: one writer, so that no read-modify-write is needed; readers may lag. */
    private static void add(AtomicLong counter, long difference) {
        counter.setRelease(counter.getPlain() + difference);
    }
}
