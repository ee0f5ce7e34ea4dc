package io.headrace.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/**
 * An object of many samples, and the values of the records that it becomes. The same number gives
 * the same shard.
 *
 * @param bytes the object
 * @param values one per sample
 */
record Shard(byte[] bytes, List<byte[]> values) {

    /** A tar of {@link #samples}. */
    static Shard tar(int number, int sampleCount) {
        return tar(number, samples(number, sampleCount));
    }

    /** A tar of samples, each with its parts by name. */
    static Shard tar(int number, List<Map<String, byte[]>> samples) {
        TarShard tar = new TarShard();
        for (int i = 0; i < samples.size(); i++) {
            String stem = stem(number, i);
            samples.get(i).forEach((part, content) -> tar.add(stem + "." + part, content));
        }
        return new Shard(tar.bytes(), samples.stream().map(Shard::parts).toList());
    }

    /** The key of a sample in a tar. */
    static String stem(int number, int sample) {
        return "%06d-%04d".formatted(number, sample);
    }

    /** Samples of two parts, an image of 20 to 60 KB and a caption. */
    static List<Map<String, byte[]>> samples(int number, int count) {
        Random random = new Random(number);
        List<Map<String, byte[]>> samples = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Map<String, byte[]> sample = new LinkedHashMap<>();
            sample.put("jpg", noise(random, 20_000 + random.nextInt(40_000)));
            sample.put("txt", utf8("caption " + i + " of shard " + number));
            samples.add(sample);
        }
        return samples;
    }

    static byte[] noise(Random random, int length) {
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        return noise;
    }

    /** Lines of text in a gzip file, of up to 1,200 characters that compress little. */
    static Shard gzipLines(int number, int lineCount) throws IOException {
        Random random = new Random(number);
        ByteArrayOutputStream object = new ByteArrayOutputStream();
        List<byte[]> values = new ArrayList<>();
        try (GZIPOutputStream gzip = new GZIPOutputStream(object)) {
            for (int i = 0; i < lineCount; i++) {
                byte[] noise = noise(random, random.nextInt(900));
                String text = Base64.getEncoder().encodeToString(noise);
                byte[] line = utf8("shard " + number + " line " + i + " " + text);
                gzip.write(line);
                gzip.write('\n');
                values.add(line);
            }
        }
        return new Shard(object.toByteArray(), values);
    }

    /** The value of a record with these parts, as docs/design/formats.md says. */
    static byte[] parts(Map<String, byte[]> sample) {
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        value.write(0xde);
        value.writeBytes(ByteBuffer.allocate(2).putShort((short) sample.size()).array());
        sample.forEach(
                (part, content) -> {
                    byte[] name = utf8(part);
                    value.write(0xd9);
                    value.write(name.length);
                    value.writeBytes(name);
                    value.write(0xc6);
                    value.writeBytes(ByteBuffer.allocate(4).putInt(content.length).array());
                    value.writeBytes(content);
                });
        return value.toByteArray();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
