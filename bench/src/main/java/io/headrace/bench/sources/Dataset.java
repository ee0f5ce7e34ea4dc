package io.headrace.bench.sources;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/**
 * Objects under a folder of the bucket, made up from a seed.
 *
 * @param folder their folder, and the topic's name
 * @param format of the source
 * @param objectCount objects
 * @param objectLength bytes of each
 * @param recordCount records of all of them
 */
record Dataset(String folder, String format, int objectCount, int objectLength, long recordCount) {
    private static final int LINE_LENGTH = 1000;

    /** Objects that are one record each, of bytes that nothing compresses. */
    static Dataset files(SlowS3 s3, String folder, int objectCount, int objectLength) {
        SplittableRandom random = new SplittableRandom(folder.hashCode());
        byte[] content = new byte[objectLength];
        for (int i = 0; i < objectCount; i++) {
            random.nextBytes(content);
            s3.put("%s/%08d.bin".formatted(folder, i), content);
        }
        return new Dataset(folder, "files", objectCount, objectLength, objectCount);
    }

    /** Text in lines of 1000 bytes. */
    static Dataset lines(SlowS3 s3, String folder, int objectCount, int objectLength) {
        int lineCount = Math.max(1, objectLength / LINE_LENGTH);
        byte[] content = new byte[lineCount * LINE_LENGTH];
        SplittableRandom random = new SplittableRandom(folder.hashCode());
        for (int object = 0; object < objectCount; object++) {
            for (int line = 0; line < lineCount; line++) {
                fill(content, line * LINE_LENGTH, random);
            }
            s3.put("%s/%08d.txt".formatted(folder, object), content);
        }
        return new Dataset(
                folder, "lines", objectCount, content.length, (long) objectCount * lineCount);
    }

    private static void fill(byte[] content, int at, SplittableRandom random) {
        byte[] word = Long.toHexString(random.nextLong()).getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < LINE_LENGTH - 1; i++) {
            content[at + i] = word[i % word.length];
        }
        content[at + LINE_LENGTH - 1] = '\n';
    }

    /** Bytes of all objects. */
    long length() {
        return (long) objectCount * objectLength;
    }
}
