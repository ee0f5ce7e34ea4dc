package io.headrace.server.lineage;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.headrace.server.lineage.Manifest.OffsetRange;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads what {@link ManifestWriter} wrote. An object's list is passed on while it is read; fields
 * that are not known are left out.
 */
public final class ManifestReader implements AutoCloseable {
    private static final JsonFactory JSON = new JsonFactory();

    private final Path file;
    private final JsonParser json;
    private final ObjectVisitor visitor;

    /** Takes the objects of a range, in order. */
    public interface ObjectVisitor {
        /** A range follows: the topic's own fields stand before it. */
        void begin(TopicRanges topic, OffsetRange range) throws IOException, InterruptedException;

        /** The next object of the range. */
        void object(String key, long length, String version)
                throws IOException, InterruptedException;

        /** All objects of the range have been visited. */
        void end() throws IOException, InterruptedException;
    }

    private ManifestReader(Path file, ObjectVisitor visitor) throws IOException {
        this.file = file;
        this.json = JSON.createParser(file.toFile());
        this.visitor = visitor;
    }

    /**
     * Reads a manifest without its objects.
     *
     * @throws IOException if it cannot be read or is none; names the file
     */
    public static Manifest read(Path file) throws IOException {
        try {
            return read(
                    file,
                    new ObjectVisitor() {
                        @Override
                        public void begin(TopicRanges topic, OffsetRange range) {}

                        @Override
                        public void object(String key, long length, String version) {}

                        @Override
                        public void end() {}
                    });
        } catch (InterruptedException e) {
            throw new IllegalStateException("nothing here waits", e);
        }
    }

    /** As {@link #read(Path)}, and visits the objects. */
    public static Manifest read(Path file, ObjectVisitor visitor)
            throws IOException, InterruptedException {
        try (ManifestReader reader = new ManifestReader(file, visitor)) {
            return reader.manifest();
        } catch (JsonProcessingException e) {
            throw new IOException(
                    "no lineage manifest: file="
                            + file
                            + " line="
                            + e.getLocation().getLineNr()
                            + " "
                            + e.getOriginalMessage(),
                    e);
        }
    }

    @Override
    public void close() throws IOException {
        json.close();
    }

    private Manifest manifest() throws IOException, InterruptedException {
        int version = 0;
        String group = "";
        String cluster = "";
        long createdMs = 0;
        Map<String, String> notes = Map.of();
        List<TopicRanges> topics = List.of();
        require(JsonToken.START_OBJECT, json.nextToken());
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            switch (field) {
                case "version" -> version = version(json.getIntValue());
                case "group" -> group = json.getText();
                case "cluster" -> cluster = json.getText();
                case "createdMs" -> createdMs = json.getLongValue();
                case "notes" -> notes = texts();
                case "topics" -> topics = topics();
                default -> json.skipChildren();
            }
        }
        version(version);
        if (topics.isEmpty()) {
            throw misplaced("a manifest has topics");
        }
        return new Manifest(group, cluster, createdMs, notes, topics);
    }

    private int version(int version) throws IOException {
        if (version != Manifest.VERSION) {
            throw new IOException(
                    "no lineage manifest that is known here: file="
                            + file
                            + " version="
                            + version
                            + " known="
                            + Manifest.VERSION);
        }
        return version;
    }

    /** Whether another object of an array follows. */
    private boolean hasNext() throws IOException {
        JsonToken next = json.nextToken();
        if (next != JsonToken.END_ARRAY) {
            require(JsonToken.START_OBJECT, next);
            return true;
        }
        return false;
    }

    private List<TopicRanges> topics() throws IOException, InterruptedException {
        List<TopicRanges> topics = new ArrayList<>();
        require(JsonToken.START_ARRAY, json.currentToken());
        while (hasNext()) {
            topics.add(topic());
        }
        return topics;
    }

    private TopicRanges topic() throws IOException, InterruptedException {
        String name = "";
        String id = "";
        int partitions = 0;
        boolean isBelow = false;
        int generation = -1;
        Map<String, String> configs = Map.of();
        List<OffsetRange> ranges = new ArrayList<>();
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            switch (field) {
                case "topic" -> name = json.getText();
                case "id" -> id = json.getText();
                case "partitions" -> partitions = json.getIntValue();
                case "below" -> isBelow = json.getBooleanValue();
                case "generation" -> generation = json.getIntValue();
                case "configs" -> configs = texts();
                case "ranges" -> {
                    if (name.isEmpty() || id.isEmpty() || partitions == 0) {
                        throw misplaced(
                                "a topic's name, id and partitions stand before its ranges");
                    }
                    require(JsonToken.START_ARRAY, json.currentToken());
                    TopicRanges topic =
                            new TopicRanges(
                                    name, id, partitions, isBelow, generation, configs, List.of());
                    while (hasNext()) {
                        ranges.add(range(topic));
                    }
                }
                default -> json.skipChildren();
            }
        }
        if (ranges.isEmpty()
                || ranges.stream().map(OffsetRange::partition).distinct().count()
                        != ranges.size()) {
            throw misplaced("a topic has ranges, one of each partition at most");
        }
        return new TopicRanges(name, id, partitions, isBelow, generation, configs, ranges);
    }

    private IOException misplaced(String rule) {
        return new IOException(
                "no lineage manifest: file="
                        + file
                        + " line="
                        + json.currentLocation().getLineNr()
                        + " "
                        + rule);
    }

    private OffsetRange range(TopicRanges topic) throws IOException, InterruptedException {
        int partition = -1;
        long from = -1;
        long to = -1;
        String digest = "";
        boolean hasObjects = false;
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            switch (field) {
                case "partition" -> partition = json.getIntValue();
                case "from" -> from = json.getLongValue();
                case "to" -> to = json.getLongValue();
                case "digest" -> digest = json.getText();
                case "objects" -> {
                    if (partition < 0 || from < 0 || to < from) {
                        throw misplaced("partition, from and to stand before a range's objects");
                    }
                    hasObjects = true;
                    objects(topic, new OffsetRange(partition, from, to, digest));
                }
                default -> json.skipChildren();
            }
        }
        if (partition < 0 || from < 0 || to < from) {
            throw misplaced("a range has partition, from and to");
        }
        if (topic.isSource() && !hasObjects) {
            throw misplaced("a source's range has its objects");
        }
        return new OffsetRange(partition, from, to, digest);
    }

    private void objects(TopicRanges topic, OffsetRange range)
            throws IOException, InterruptedException {
        require(JsonToken.START_ARRAY, json.currentToken());
        visitor.begin(topic, range);
        while (hasNext()) {
            String key = "";
            long length = 0;
            String version = "";
            for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
                json.nextToken();
                switch (field) {
                    case "key" -> key = json.getText();
                    case "length" -> length = json.getLongValue();
                    case "version" -> version = json.getText();
                    default -> json.skipChildren();
                }
            }
            visitor.object(key, length, version);
        }
        visitor.end();
    }

    private Map<String, String> texts() throws IOException {
        Map<String, String> texts = new TreeMap<>();
        require(JsonToken.START_OBJECT, json.currentToken());
        for (String field = json.nextFieldName(); field != null; field = json.nextFieldName()) {
            json.nextToken();
            texts.put(field, json.getText());
        }
        return texts;
    }

    private void require(JsonToken expected, JsonToken found) throws IOException {
        if (found != expected) {
            throw new IOException(
                    "no lineage manifest: file="
                            + file
                            + " line="
                            + json.currentLocation().getLineNr()
                            + " found="
                            + found
                            + " expected="
                            + expected);
        }
    }
}
