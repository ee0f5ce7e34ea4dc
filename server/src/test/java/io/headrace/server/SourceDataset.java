package io.headrace.server;

import io.headrace.testing.s3.S3Server;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Objects under a prefix of an S3 server, and the records that a topic over them has.
 *
 * @param name of the prefix, and of the topic
 * @param format of the source
 * @param length of all objects together, in bytes
 * @param partitions the values of each partition, by offset
 */
record SourceDataset(String name, String format, long length, List<List<byte[]>> partitions) {

    /** No object yet; whoever puts some adds their records. */
    static SourceDataset empty(String name, String format, int partitionCount) {
        return new SourceDataset(name, format, 0, empty(partitionCount));
    }

    /** One record per object. */
    static SourceDataset files(
            S3Server server, String name, int partitionCount, int count, int objectLength) {
        Random random = new Random(name.hashCode());
        List<List<byte[]>> partitions = empty(partitionCount);
        for (int i = 0; i < count; i++) {
            byte[] content = new byte[objectLength];
            random.nextBytes(content);
            server.put(String.format("%s/%06d.bin", name, i), content);
            partitions.get(i % partitionCount).add(content);
        }
        return new SourceDataset(name, "files", (long) count * objectLength, partitions);
    }

    /** One record per line. */
    static SourceDataset lines(
            S3Server server, String name, int partitionCount, int objectCount, int lineCount) {
        List<List<byte[]>> partitions = empty(partitionCount);
        long length = 0;
        for (int object = 0; object < objectCount; object++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < lineCount; i++) {
                String line = "object " + object + " line " + i + " " + "-".repeat(i % 150);
                text.append(line).append('\n');
                partitions.get(object % partitionCount).add(line.getBytes(StandardCharsets.UTF_8));
            }
            byte[] content = text.toString().getBytes(StandardCharsets.UTF_8);
            server.put(String.format("%s/%06d.txt", name, object), content);
            length += content.length;
        }
        return new SourceDataset(name, "lines", length, partitions);
    }

    private static List<List<byte[]>> empty(int count) {
        List<List<byte[]>> lists = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            lists.add(new ArrayList<>());
        }
        return lists;
    }

    int recordCount() {
        return partitions.stream().mapToInt(List::size).sum();
    }
}
