package io.headrace.bench.share;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/** The consumers of one group, each on a thread of its own, from their join to the last record. */
final class Members {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long PATIENCE_S = 300;

    private final String bootstrapServer;
    private final String topic;
    private final String group;
    private final Map<String, String> configs;
    private final long wanted;
    private final LongAdder records = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final AtomicLong firstNs = new AtomicLong(Long.MAX_VALUE);
    private final AtomicLong lastNs = new AtomicLong();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean isDone;

    /**
     * @param wanted records that all of them are to receive together
     */
    Members(
            String bootstrapServer,
            String topic,
            String group,
            Map<String, String> configs,
            long wanted) {
        this.bootstrapServer = bootstrapServer;
        this.topic = topic;
        this.group = group;
        this.configs = configs;
        this.wanted = wanted;
    }

    /** What it took: seconds from the start to the last record. */
    record Result(double seconds, long records, long bytes) {}

    private Properties properties() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrapServer);
        properties.put("group.id", group);
        properties.putAll(configs);
        return properties;
    }

    /** Joins with so many, waits until each partition has its owner, and reads to the end. */
    Result consume(int count, int partitions, Runnable whenJoined) throws InterruptedException {
        AtomicInteger[] assigned = new AtomicInteger[count];
        CountDownLatch joined = new CountDownLatch(1);
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        Arrays.setAll(assigned, i -> new AtomicInteger());
        for (int i = 0; i < count; i++) {
            AtomicInteger own = assigned[i];
            threads.add(
                    start("member-" + i, () -> consume(own, assigned, partitions, joined, begin)));
        }
        require(joined.await(PATIENCE_S, TimeUnit.SECONDS), "group is not complete");
        whenJoined.run();
        long beganNs = System.nanoTime();
        begin.countDown();
        return await(threads, beganNs);
    }

    private void consume(
            AtomicInteger own,
            AtomicInteger[] assigned,
            int partitions,
            CountDownLatch joined,
            CountDownLatch begin) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(
                    List.of(topic),
                    new ConsumerRebalanceListener() {
                        @Override
                        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {}

                        @Override
                        public void onPartitionsAssigned(Collection<TopicPartition> added) {
                            if (begin.getCount() > 0) {
                                consumer.pause(added);
                            }
                        }
                    });
            while (begin.getCount() > 0 && !isDone) {
                consumer.poll(POLL);
                own.set(consumer.assignment().size());
                int sum = 0;
                boolean hasEach = true;
                for (AtomicInteger each : assigned) {
                    sum += each.get();
                    hasEach &= each.get() > 0;
                }
                if (sum == partitions && hasEach) {
                    joined.countDown();
                }
            }
            consumer.resume(consumer.assignment());
            while (!isDone) {
                note(consumer.poll(POLL));
            }
        }
    }

    /** The members of a share group of Kafka's, which own no partitions: from the first record. */
    Result share(int count, Runnable whenStarted) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        whenStarted.run();
        for (int i = 0; i < count; i++) {
            threads.add(start("member-" + i, this::share));
        }
        return await(threads, 0);
    }

    private void share() {
        try (KafkaShareConsumer<byte[], byte[]> consumer =
                new KafkaShareConsumer<>(
                        properties(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (!isDone) {
                note(consumer.poll(POLL));
            }
        }
    }

    private void note(ConsumerRecords<byte[], byte[]> received) {
        if (received.isEmpty()) {
            return;
        }
        long now = System.nanoTime();
        firstNs.accumulateAndGet(now, Math::min);
        received.forEach(record -> bytes.add(record.serializedValueSize()));
        records.add(received.count());
        if (records.sum() >= wanted) {
            lastNs.compareAndSet(0, System.nanoTime());
            isDone = true;
        }
    }

    private Thread start(String name, Runnable task) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                task.run();
                            } catch (Throwable e) {
                                failure.set(e);
                                isDone = true;
                            }
                        },
                        name);
        thread.start();
        return thread;
    }

    /**
     * @param beganNs 0 if the first record is the beginning
     */
    private Result await(List<Thread> threads, long beganNs) throws InterruptedException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!isDone) {
            require(System.nanoTime() < deadlineNs, "received=" + records.sum() + " of " + wanted);
            Thread.sleep(5);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Throwable failed = failure.get();
        if (failed != null) {
            throw new IllegalStateException("a member failed: group=" + group, failed);
        }
        long from = beganNs == 0 ? firstNs.get() : beganNs;
        return new Result((lastNs.get() - from) / 1e9, records.sum(), bytes.sum());
    }

    private void require(boolean holds, String what) {
        if (!holds) {
            isDone = true;
            throw new IllegalStateException(what + ": group=" + group, failure.get());
        }
    }
}
