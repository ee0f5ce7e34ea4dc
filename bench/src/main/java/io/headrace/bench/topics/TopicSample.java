package io.headrace.bench.topics;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.apache.kafka.common.record.internal.Record;

/**
 * The topics that are written and read: spread evenly over all, the last one among them. Every
 * record says which topic and round it belongs to, so that a wrong one is seen.
 */
final class TopicSample {
    private final List<String> topics;

    TopicSample(int topicCount, int sampleMax, IntFunction<String> name) {
        int count = Math.min(topicCount, sampleMax);
        topics =
                IntStream.rangeClosed(1, count)
                        .mapToObj(i -> name.apply((int) ((long) i * topicCount / count) - 1))
                        .toList();
    }

    List<String> topics() {
        return topics;
    }

    /**
     * Writes one record to each topic, the newest first; it must get the round's number as offset.
     *
     * @return time from request to answer, in ns
     */
    Histogram write(WireClient client, int round) throws IOException {
        Histogram latencies = new Histogram(3);
        for (int i = topics.size() - 1; i >= 0; i--) {
            long start = System.nanoTime();
            long offset = client.produce(topics.get(i), value(topics.get(i), round));
            latencies.recordValue(System.nanoTime() - start);
            check(topics.get(i), "offset", round, offset);
        }
        return latencies;
    }

    /**
     * Reads each topic from its beginning, and compares every record of the rounds so far.
     *
     * @return time from request to answer, in ns
     */
    Histogram verify(WireClient client, int roundCount) throws IOException {
        Histogram latencies = new Histogram(3);
        for (String topic : topics) {
            List<Record> records = new ArrayList<>();
            long start = System.nanoTime();
            while (records.size() < roundCount) {
                client.fetch(topic, records.size()).records().forEach(records::add);
            }
            latencies.recordValue(System.nanoTime() - start);
            compare(topic, records, roundCount);
        }
        return latencies;
    }

    private static void compare(String topic, List<Record> records, int roundCount)
            throws IOException {
        check(topic, "records", roundCount, records.size());
        for (int round = 0; round < roundCount; round++) {
            check(topic, "offset", round, records.get(round).offset());
            if (!records.get(round).value().equals(ByteBuffer.wrap(value(topic, round)))) {
                throw new IOException("wrong bytes: topic=" + topic + " offset=" + round);
            }
        }
    }

    private static byte[] value(String topic, int round) {
        return (topic + " round " + round).getBytes(StandardCharsets.UTF_8);
    }

    private static void check(String topic, String what, long expected, long found)
            throws IOException {
        if (expected != found) {
            throw new IOException(
                    "wrong "
                            + what
                            + ": topic="
                            + topic
                            + " expected="
                            + expected
                            + " found="
                            + found);
        }
    }
}
