package io.headrace.server.lineage;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import io.headrace.server.lineage.Manifest.OffsetRange;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/** Writes a {@link Manifest} as JSON. */
public final class ManifestWriter {
    private static final JsonFactory JSON = new JsonFactory();

    /** Tells what a range is made of. */
    @FunctionalInterface
    public interface Objects {
        /** Calls the sink with each object, in order. */
        void forEach(TopicRanges topic, OffsetRange range, ObjectSink sink)
                throws IOException, InterruptedException;
    }

    /** Takes an object. */
    @FunctionalInterface
    public interface ObjectSink {
        /**
         * @param version changes whenever the bytes do
         */
        void accept(String key, long length, String version) throws IOException;
    }

    private ManifestWriter() {}

    /** Writes the file whole, or not at all. */
    public static void write(Path file, Manifest manifest, Objects objects)
            throws IOException, InterruptedException {
        Path absolute = file.toAbsolutePath();
        Path unfinished =
                Files.createTempFile(
                        absolute.getParent(), absolute.getFileName().toString(), ".unfinished");
        try {
            try (FileOutputStream out = new FileOutputStream(unfinished.toFile());
                    JsonGenerator json = JSON.createGenerator(new BufferedOutputStream(out))) {
                json.setPrettyPrinter(new DefaultPrettyPrinter());
                write(json, manifest, objects);
                json.flush();
                out.getChannel().force(true);
            }
            Files.move(unfinished, absolute, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static void write(JsonGenerator json, Manifest manifest, Objects objects)
            throws IOException, InterruptedException {
        json.writeStartObject();
        json.writeNumberField("version", Manifest.VERSION);
        json.writeStringField("group", manifest.group());
        json.writeStringField("cluster", manifest.clusterId());
        json.writeNumberField("createdMs", manifest.createdMs());
        write(json, "notes", manifest.notes());
        json.writeArrayFieldStart("topics");
        for (TopicRanges topic : manifest.topics()) {
            write(json, topic, objects);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, TopicRanges topic, Objects objects)
            throws IOException, InterruptedException {
        json.writeStartObject();
        json.writeStringField("topic", topic.topic());
        json.writeStringField("id", topic.id());
        json.writeNumberField("partitions", topic.partitionCount());
        json.writeBooleanField("below", topic.isBelow());
        json.writeNumberField("generation", topic.generation());
        write(json, "configs", topic.configs());
        json.writeArrayFieldStart("ranges");
        for (OffsetRange range : topic.ranges()) {
            json.writeStartObject();
            json.writeNumberField("partition", range.partition());
            json.writeNumberField("from", range.from());
            json.writeNumberField("to", range.to());
            json.writeStringField("digest", range.digest());
            if (topic.isSource()) {
                json.writeArrayFieldStart("objects");
                objects.forEach(
                        topic,
                        range,
                        (key, length, version) -> {
                            json.writeStartObject();
                            json.writeStringField("key", key);
                            json.writeNumberField("length", length);
                            json.writeStringField("version", version);
                            json.writeEndObject();
                        });
                json.writeEndArray();
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, String name, Map<String, String> texts)
            throws IOException {
        json.writeObjectFieldStart(name);
        for (Map.Entry<String, String> text : texts.entrySet()) {
            json.writeStringField(text.getKey(), text.getValue());
        }
        json.writeEndObject();
    }
}
