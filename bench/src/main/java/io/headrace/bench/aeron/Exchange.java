package io.headrace.bench.aeron;

import io.aeron.Aeron;
import io.aeron.FragmentAssembler;
import io.aeron.Publication;
import io.aeron.Subscription;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Two threads that exchange messages over a pair of streams: this one pings, the other one answers.
 * Both yield while they wait, as suits a machine with few cores. Times are in ns, of one clock.
 */
final class Exchange implements AutoCloseable {
    /** Stream of the pings. */
    static final int PING_STREAM_ID = 10;

    /** Stream of the answers. */
    static final int PONG_STREAM_ID = 11;

    private static final int FRAGMENT_LIMIT = 16;
    private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(60);
    private static final long HIGHEST_NS = TimeUnit.SECONDS.toNanos(60);
    private static final int WARM_UP_PARTS = 4;

    private final Publication pings;
    private final Publication pongs;
    private final Subscription pingSubscription;
    private final Subscription pongSubscription;
    private final UnsafeBuffer message;
    private final Thread answerer;
    private volatile boolean isAnswering;
    private volatile boolean isDone;
    private Histogram oneWays = histogram();
    private volatile long oneWaysReceived;
    private long pongsReceived;

    Exchange(Aeron aeron, String pingChannel, String pongChannel, int length) {
        message = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, 64));
        pingSubscription = aeron.addSubscription(pingChannel, PING_STREAM_ID);
        pongSubscription = aeron.addSubscription(pongChannel, PONG_STREAM_ID);
        pings = aeron.addPublication(pingChannel, PING_STREAM_ID);
        pongs = aeron.addPublication(pongChannel, PONG_STREAM_ID);
        answerer = new Thread(this::answer, "answerer");
        answerer.start();
        long deadline = System.nanoTime() + TIMEOUT_NS;
        while (!pingSubscription.isConnected() || !pongSubscription.isConnected()) {
            checkTime(deadline);
        }
    }

    private static Histogram histogram() {
        return new Histogram(HIGHEST_NS, 3);
    }

    private static void checkTime(long deadline) {
        if (System.nanoTime() - deadline > 0) {
            throw new IllegalStateException("nothing came for too long");
        }
        Thread.yield();
    }

    /** Pings one after the other, each when the last one's answer is there. */
    Histogram roundTrips(int count) {
        isAnswering = true;
        FragmentAssembler handler = new FragmentAssembler((b, o, l, h) -> pongsReceived++);
        Histogram histogram = histogram();
        for (int i = -count / WARM_UP_PARTS; i < count; i++) {
            long began = System.nanoTime();
            long wanted = pongsReceived + 1;
            publish(pings, began);
            while (pongsReceived < wanted) {
                if (pongSubscription.poll(handler, FRAGMENT_LIMIT) == 0) {
                    checkTime(began + TIMEOUT_NS);
                }
            }
            if (i >= 0) {
                histogram.recordValue(System.nanoTime() - began);
            }
        }
        return histogram;
    }

    /** Sends at a steady rate; from the moment of sending to that of receiving. */
    Histogram oneWays(int count, int perSecond) {
        isAnswering = false;
        long intervalNs = TimeUnit.SECONDS.toNanos(1) / perSecond;
        sendSteadily(count / WARM_UP_PARTS, intervalNs);
        oneWays = histogram();
        sendSteadily(count, intervalNs);
        return oneWays;
    }

    private void sendSteadily(int count, long intervalNs) {
        long wanted = oneWaysReceived + count;
        long next = System.nanoTime();
        for (int i = 0; i < count; i++) {
            while (System.nanoTime() - next < 0) {
                Thread.yield();
            }
            publish(pings, System.nanoTime());
            next += intervalNs;
        }
        long deadline = System.nanoTime() + TIMEOUT_NS;
        while (oneWaysReceived < wanted) {
            checkTime(deadline);
        }
    }

    private void publish(Publication publication, long timeNs) {
        message.putLong(0, timeNs);
        while (publication.offer(message) < 0) {
            checkTime(timeNs + TIMEOUT_NS);
        }
    }

    private void answer() {
        FragmentAssembler handler =
                new FragmentAssembler(
                        (buffer, offset, length, header) -> {
                            if (isAnswering) {
                                while (pongs.offer(buffer, offset, length) < 0 && !isDone) {
                                    Thread.yield();
                                }
                            } else {
                                oneWays.recordValue(System.nanoTime() - buffer.getLong(offset));
                                oneWaysReceived = oneWaysReceived + 1;
                            }
                        });
        while (!isDone) {
            if (pingSubscription.poll(handler, FRAGMENT_LIMIT) == 0) {
                Thread.yield();
            }
        }
    }

    @Override
    public void close() {
        isDone = true;
        try {
            answerer.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // it ends all the same: it saw isDone
        }
        CloseHelper.closeAll(pings, pongs, pingSubscription, pongSubscription);
    }
}
