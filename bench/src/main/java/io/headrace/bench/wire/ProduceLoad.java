package io.headrace.bench.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * Connections to one topic, spread over its partitions, on the caller's thread. Either each has so
 * many requests under way all the time, or requests are made at a rate whatever becomes of earlier
 * ones, and their time counts from when each should have been made.
 */
public final class ProduceLoad implements AutoCloseable {
    private static final long DRAIN_NS = TimeUnit.SECONDS.toNanos(60);
    private static final int PACED_UNDER_WAY_MAX = 100_000;

    private final Selector selector;
    private final List<ProduceConnection> connections = new ArrayList<>();
    private Histogram ns = new Histogram(3);
    private long answered;
    private volatile boolean isStopped;

    /**
     * What a run saw.
     *
     * @param requests answered
     * @param seconds the time
     * @param ns from request to answer, in nanoseconds
     */
    public record Result(long requests, double seconds, Histogram ns) {
        /** Answered requests per second. */
        public double perSecond() {
            return requests / seconds;
        }

        /** A percentile of the times, in milliseconds. */
        public double ms(double percentile) {
            return ns.getValueAtPercentile(percentile) / 1e6;
        }
    }

    /** Connects; each request will carry one record of that many bytes. */
    public ProduceLoad(
            String bootstrapServer,
            String topic,
            int partitionCount,
            int connectionCount,
            int valueLength)
            throws IOException {
        int colon = bootstrapServer.lastIndexOf(':');
        InetSocketAddress address =
                new InetSocketAddress(
                        bootstrapServer.substring(0, colon),
                        Integer.parseInt(bootstrapServer.substring(colon + 1)));
        selector = Selector.open();
        for (int i = 0; i < connectionCount; i++) {
            connections.add(
                    new ProduceConnection(
                            selector,
                            address,
                            topic,
                            i % partitionCount,
                            valueLength,
                            PACED_UNDER_WAY_MAX));
        }
    }

    /** Keeps that many requests under way on each connection, for a time or until stopped. */
    public Result keepUnderWay(int each, double seconds) throws IOException {
        long startNs = begin();
        long endNs = startNs + (long) (seconds * 1e9);
        for (ProduceConnection connection : connections) {
            for (int i = 0; i < each; i++) {
                connection.request(System.nanoTime());
            }
        }
        while (!isStopped && System.nanoTime() < endNs) {
            select(
                    (from, requestedNs) -> {
                        long nowNs = count(requestedNs);
                        requestAgain(from, nowNs);
                    });
        }
        Histogram withinTime = ns;
        double took = (System.nanoTime() - startNs) / 1e9;
        ns = new Histogram(3); // what is answered from now on does not count
        drain();
        return new Result(withinTime.getTotalCount(), took, withinTime);
    }

    private static void requestAgain(ProduceConnection connection, long nowNs) {
        try {
            connection.request(nowNs);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes that many requests a second, in turn on all connections. */
    public Result atRate(int perSecond, double seconds) throws IOException {
        long startNs = begin();
        long count = (long) (perSecond * seconds);
        for (long i = 0; i < count; i++) {
            long dueNs = startNs + (long) (i * 1e9 / perSecond);
            while (System.nanoTime() < dueNs) {
                LockSupport.parkNanos(Math.min(50_000, dueNs - System.nanoTime()));
                selector.selectNow(this::attend);
            }
            if (!connections.get((int) (i % connections.size())).request(dueNs)) {
                throw new IOException("the server does not keep up: perSecond=" + perSecond);
            }
            selector.selectNow(this::attend);
        }
        drain(); // late answers count: they are the slow ones
        return new Result(count, seconds, ns);
    }

    /** Ends {@link #keepUnderWay} from another thread. */
    public void stop() {
        isStopped = true;
    }

    /** Requests answered so far, over all runs. */
    public long answered() {
        return answered;
    }

    private long begin() {
        ns = new Histogram(3);
        isStopped = false;
        return System.nanoTime();
    }

    private void drain() throws IOException {
        long deadlineNs = System.nanoTime() + DRAIN_NS;
        while (connections.stream().anyMatch(each -> each.underWay() > 0)) {
            if (System.nanoTime() > deadlineNs) {
                throw new IOException("requests are not answered");
            }
            select((from, requestedNs) -> count(requestedNs));
        }
    }

    private long count(long requestedNs) {
        long nowNs = System.nanoTime();
        ns.recordValue(nowNs - requestedNs);
        answered++;
        return nowNs;
    }

    private void select(ProduceConnection.Answers answers) throws IOException {
        try {
            selector.select(key -> attend(key, answers), 100);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private void attend(SelectionKey key) {
        attend(key, (from, requestedNs) -> count(requestedNs));
    }

    private static void attend(SelectionKey key, ProduceConnection.Answers answers) {
        ProduceConnection connection = (ProduceConnection) key.attachment();
        try {
            if (key.isWritable()) {
                connection.send();
            }
            if (key.isReadable()) {
                connection.receive(answers);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        for (ProduceConnection connection : connections) {
            connection.close();
        }
        selector.close();
    }
}
