package io.headrace.objects;

import io.headrace.engine.batch.SampleParts;
import io.headrace.objects.SourceFixture.Decoded;
import io.headrace.objects.format.TarBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/** Shards of random samples in a folder, and what a topic over them is to give. */
final class RandomShards {
    private final Path root;
    private final Random random;
    final List<Expected> samples = new ArrayList<>();
    long storedBytes;

    /** A sample; of one part without a name if its value is plain bytes. */
    record Expected(String key, Map<String, byte[]> parts) {}

    RandomShards(Path root, Random random) {
        this.root = root;
        this.random = random;
    }

    /**
     * A tar shard.
     *
     * @param name of the object; compressed if it ends in {@code .gz}
     * @param lengths of a sample's parts, each drawn below the one given for it
     */
    RandomShards tar(String name, int sampleCount, Map<String, Integer> lengths) {
        TarBytes tar = new TarBytes();
        for (int i = 0; i < sampleCount; i++) {
            Map<String, byte[]> parts = new LinkedHashMap<>();
            String stem = name.replace('.', '-') + "/" + i;
            for (Map.Entry<String, Integer> part : lengths.entrySet()) {
                byte[] value = bytes(random.nextInt(part.getValue()));
                parts.put(part.getKey(), value);
                tar.file(stem + "." + part.getKey(), value);
            }
            samples.add(new Expected(stem, parts));
        }
        return put(name, tar.end());
    }

    /** A text of lines. */
    RandomShards lines(String name, int lineCount, int lengthMax) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int i = 0; i < lineCount; i++) {
            byte[] line = line(random.nextInt(lengthMax));
            samples.add(new Expected(null, Map.of("", line)));
            text.writeBytes(line);
            text.write('\n');
        }
        return put(name, text.toByteArray());
    }

    /** An object that is one sample. */
    RandomShards whole(String name, int length) {
        byte[] value = bytes(length);
        samples.add(new Expected(name, Map.of("", value)));
        return put(name, value);
    }

    RandomShards put(String name, byte[] content) {
        try {
            Path file = root.resolve(name);
            Files.createDirectories(file.getParent());
            try (OutputStream out = open(file)) {
                out.write(content);
            }
            storedBytes += Files.size(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return this;
    }

    private static OutputStream open(Path file) throws IOException {
        OutputStream out = Files.newOutputStream(file);
        return file.toString().endsWith(".gz") ? new GZIPOutputStream(out) : out;
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] line(int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) ('a' + random.nextInt(26)));
        }
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** A record as a sample, for comparison. */
    static Expected sampleOf(Decoded record) {
        Map<String, byte[]> parts = new LinkedHashMap<>();
        if ("parts".equals(record.headers().get("headrace.format"))) {
            for (Map.Entry<String, ByteBuffer> part :
                    SampleParts.decode(record.value()).entrySet()) {
                byte[] value = new byte[part.getValue().remaining()];
                part.getValue().get(value);
                parts.put(part.getKey(), value);
            }
        } else {
            parts.put("", record.value());
        }
        return new Expected(record.key(), parts);
    }

    /** Says how a record differs from the sample it should be; empty if it does not. */
    static String difference(Expected expected, Expected found) {
        if (!String.valueOf(expected.key()).equals(String.valueOf(found.key()))) {
            return "key " + found.key() + ", not " + expected.key();
        }
        if (!expected.parts().keySet().equals(found.parts().keySet())) {
            return "parts " + found.parts().keySet() + ", not " + expected.parts().keySet();
        }
        for (Map.Entry<String, byte[]> part : expected.parts().entrySet()) {
            byte[] value = found.parts().get(part.getKey());
            if (!java.util.Arrays.equals(part.getValue(), value)) {
                return "value of "
                        + part.getKey()
                        + " of "
                        + value.length
                        + " bytes, not of "
                        + part.getValue().length;
            }
        }
        return "";
    }
}
