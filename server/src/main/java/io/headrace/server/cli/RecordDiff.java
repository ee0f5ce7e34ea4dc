package io.headrace.server.cli;

import io.headrace.server.show.Printable;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * Prints what two versions' records differ in, by key: a key is the same if both versions have as
 * many records of it with the same values and headers, wherever they are. A record without a key is
 * told by its value and headers. Reads both versions once, and once more what has a difference.
 */
final class RecordDiff {
    /** Keys of both together, some 150 bytes each. */
    private static final int KEYS_MAX = 1_000_000;

    /** Longest wait for the next record: what is not in the cache comes from an object store. */
    private static final long PATIENCE_NANOS = TimeUnit.MINUTES.toNanos(2);

    private static final Duration POLL_MAX = Duration.ofMillis(500);

    /** Characters of a key that are shown. */
    private static final int SHOWN_LENGTH_MAX = 200;

    private final ClientOptions client;
    private final String before;
    private final String after;
    private final PrintWriter out;
    private final MessageDigest digest;
    private final Map<Key, Contents> contents = new HashMap<>();

    /** Half of the SHA-256 of a key, which nobody can make another have. */
    private record Key(long high, long low) {}

    /** What the versions have of a key: a sum over its records, in whatever order they come. */
    private static final class Contents {
        long beforeCount;
        long beforeSum;
        long afterCount;
        long afterSum;
        boolean isShown;

        boolean isSame() {
            return beforeCount == afterCount && beforeSum == afterSum;
        }
    }

    RecordDiff(ClientOptions client, String before, String after, PrintWriter out) {
        this.client = client;
        this.before = before;
        this.after = after;
        this.out = out;
        try {
            this.digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has it", e);
        }
    }

    /**
     * @throws CommandException if there are too many keys, or records cannot be read
     */
    void print() throws IOException {
        try (KafkaConsumer<byte[], byte[]> consumer = LineageTopics.consumer(client)) {
            read(consumer, before, record -> add(record, true));
            read(consumer, after, record -> add(record, false));
            long added = count(each -> each.beforeCount == 0);
            long removed = count(each -> each.afterCount == 0);
            long same = count(Contents::isSame);
            long changed = contents.size() - added - removed - same;
            if (removed > 0) {
                read(consumer, before, record -> show("-", record, each -> each.afterCount == 0));
            }
            if (added + changed > 0) {
                read(consumer, after, this::showAfter);
            }
            out.println(
                    "%s added, %s removed, %s changed, %s the same"
                            .formatted(
                                    Units.count(added),
                                    Units.count(removed),
                                    Units.count(changed),
                                    Units.count(same)));
        } catch (KafkaException e) {
            throw new CommandException("records cannot be read: " + client.describe(e));
        }
    }

    private long count(Predicate<Contents> kind) {
        return contents.values().stream().filter(kind).count();
    }

    private void add(ConsumerRecord<byte[], byte[]> record, boolean isBefore) {
        Contents of = contents.computeIfAbsent(key(record), key -> new Contents());
        if (contents.size() > KEYS_MAX) {
            throw new CommandException("too many keys to be compared: max=" + KEYS_MAX);
        }
        long content = ByteBuffer.wrap(contentDigest(record)).getLong();
        if (isBefore) {
            of.beforeCount++;
            of.beforeSum += content;
        } else {
            of.afterCount++;
            of.afterSum += content;
        }
    }

    private Key key(ConsumerRecord<byte[], byte[]> record) {
        byte[] key = record.key();
        ByteBuffer hash = ByteBuffer.wrap(key == null ? contentDigest(record) : digest.digest(key));
        return new Key(hash.getLong(), hash.getLong());
    }

    /** Of a value and headers, each with its length before it. */
    private byte[] contentDigest(ConsumerRecord<byte[], byte[]> record) {
        add(record.value());
        for (Header header : record.headers()) {
            add(header.key().getBytes(StandardCharsets.UTF_8));
            add(header.value());
        }
        return digest.digest();
    }

    private void add(byte @Nullable [] bytes) {
        int length = bytes == null ? -1 : bytes.length;
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).flip());
        if (bytes != null) {
            digest.update(bytes);
        }
    }

    private void showAfter(ConsumerRecord<byte[], byte[]> record) {
        show("+", record, each -> each.beforeCount == 0);
        show("~", record, each -> each.beforeCount > 0 && !each.isSame());
    }

    /** Once for each key. */
    private void show(
            String sign, ConsumerRecord<byte[], byte[]> record, Predicate<Contents> kind) {
        Contents of = contents.get(key(record));
        if (of == null || of.isShown || !kind.test(of)) {
            return;
        }
        of.isShown = true;
        byte[] key = record.key();
        String text =
                key == null
                        ? "(no key)"
                        : Printable.of(new String(key, StandardCharsets.UTF_8), SHOWN_LENGTH_MAX);
        out.println(
                "%s %s  partition %d offset %d"
                        .formatted(sign, text, record.partition(), record.offset()));
    }

    /** What is done with a record. */
    private interface Reader {
        void read(ConsumerRecord<byte[], byte[]> record);
    }

    private void read(KafkaConsumer<byte[], byte[]> consumer, String topic, Reader reader) {
        List<TopicPartition> partitions =
                consumer.partitionsFor(topic).stream()
                        .map(info -> new TopicPartition(topic, info.partition()))
                        .toList();
        Map<TopicPartition, Long> left = new HashMap<>(consumer.endOffsets(partitions));
        consumer.assign(partitions);
        consumer.beginningOffsets(partitions).forEach(consumer::seek);
        long since = System.nanoTime();
        long position = -1;
        while (isLeft(consumer, left)) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL_MAX);
            records.forEach(reader::read);
            long now = left.keySet().stream().mapToLong(consumer::position).sum();
            if (now != position) {
                position = now;
                since = System.nanoTime();
            } else if (System.nanoTime() - since > PATIENCE_NANOS) {
                throw new CommandException("records do not come: topic=" + topic);
            }
        }
    }

    private static boolean isLeft(
            KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue());
    }
}
