package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.server.lineage.Manifest;
import io.headrace.server.lineage.Manifest.OffsetRange;
import io.headrace.server.lineage.Manifest.TopicRanges;
import io.headrace.server.lineage.ManifestReader;
import io.headrace.server.lineage.ManifestReader.ObjectVisitor;
import io.headrace.server.lineage.RangeDigests;
import io.headrace.server.lineage.RangeDigests.Place;
import io.headrace.server.lineage.RangeDigests.UnreadableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.jspecify.annotations.Nullable;

/** Looks whether what a manifest names is still there, and still the same. */
final class LineageCheck {
    private final ClientOptions client;
    private final AdminOptions admin;
    private final boolean isReadWhole;

    /**
     * @param isReadWhole whether records without a digest are read as well
     */
    LineageCheck(ClientOptions client, AdminOptions admin, boolean isReadWhole) {
        this.client = client;
        this.admin = admin;
        this.isReadWhole = isReadWhole;
    }

    /**
     * Looks at topics, then objects, then records.
     *
     * @return what it has looked at
     * @throws CommandException naming the first thing that is not what it was
     */
    Manifest check(Path file) throws IOException, InterruptedException {
        Manifest manifest = ManifestReader.read(file);
        try (Admin kafka = client.admin()) {
            LineageTopics topics = new LineageTopics(client, admin, kafka);
            for (TopicRanges topic : manifest.topics()) {
                check(topic, topics.find(topic.topic(), topic.isBelow()));
            }
        }
        ManifestReader.read(file, new ObjectCheck());
        try (KafkaConsumer<byte[], byte[]> consumer = LineageTopics.consumer(client)) {
            for (TopicRanges topic : manifest.topics()) {
                if (!topic.isBelow()) {
                    check(topic, new RangeDigests(consumer));
                }
            }
        }
        return manifest;
    }

    /** What its records depend on besides is fixed for as long as it has its id. */
    private static void check(TopicRanges topic, TopicRanges now) {
        if (!topic.id().equals(now.id())) {
            throw new CommandException(
                    "the topic was made anew: topic=%s id=%s recorded=%s"
                            .formatted(topic.topic(), now.id(), topic.id()));
        }
    }

    private void check(TopicRanges topic, RangeDigests digests)
            throws IOException, InterruptedException {
        List<OffsetRange> ranges =
                topic.ranges().stream()
                        .filter(range -> isReadWhole || !range.digest().isEmpty())
                        .toList();
        Map<Integer, String> found;
        try {
            found = digests.of(topic.topic(), ranges);
        } catch (UnreadableException e) {
            throw new CommandException(e.getMessage() + object(topic, e.place()));
        }
        for (OffsetRange range : ranges) {
            String digest = found.get(range.partition());
            if (!range.digest().isEmpty() && !range.digest().equals(digest)) {
                throw new CommandException(
                        "the records are not the same: topic=%s partition=%d offsets=%d-%d digest=%s recorded=%s"
                                .formatted(
                                        topic.topic(),
                                        range.partition(),
                                        range.from(),
                                        range.to(),
                                        digest,
                                        range.digest()));
            }
        }
    }

    /** The object that a record is made of, in words; empty if it is of none. */
    private String object(TopicRanges topic, Place place) throws IOException, InterruptedException {
        if (!topic.isSource()) {
            return "";
        }
        OffsetRange one =
                new OffsetRange(place.partition(), place.offset(), place.offset() + 1, "");
        JsonNode object = new LineageObjects(admin, topic.topic(), one, false).next();
        return object == null
                ? ""
                : " object=%s version=%s"
                        .formatted(object.path("key").asText(), object.path("version").asText());
    }

    /** Compares the objects of a manifest with those that the server has indexed. */
    private final class ObjectCheck implements ObjectVisitor {
        private String where = "";
        private @Nullable LineageObjects objects;

        @Override
        public void begin(TopicRanges topic, OffsetRange range) {
            where = "topic=%s partition=%d".formatted(topic.topic(), range.partition());
            objects = new LineageObjects(admin, topic.topic(), range, true);
        }

        @Override
        public void object(String key, long length, String version)
                throws IOException, InterruptedException {
            JsonNode now = objects == null ? null : objects.next();
            String keyNow = now == null ? "" : now.path("key").asText();
            if (now == null || !keyNow.equals(key)) {
                throw new CommandException(
                        "another object is there: %s key=%s recorded=%s"
                                .formatted(where, keyNow, key));
            }
            if (now.path("length").asLong() != length
                    || !now.path("version").asText().equals(version)) {
                throw new CommandException(
                        "the object has changed: %s key=%s version=%s recorded=%s"
                                .formatted(where, key, now.path("version").asText(), version));
            }
        }

        @Override
        public void end() throws IOException, InterruptedException {
            JsonNode more = objects == null ? null : objects.next();
            if (more != null) {
                throw new CommandException(
                        "an object is there that was not: %s key=%s"
                                .formatted(where, more.path("key").asText()));
            }
        }
    }
}
