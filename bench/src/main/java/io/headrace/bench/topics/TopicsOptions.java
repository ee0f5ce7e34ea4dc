package io.headrace.bench.topics;

import io.headrace.bench.Options;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The command line of {@code bench/run topics}.
 *
 * @param counts how many topics, one run each, every one on an empty data folder
 * @param batch topics per CreateTopics request
 * @param inFlight requests that wait for their answer at a time
 * @param sample topics that are written and read, spread over all
 * @param kill whether the restart follows a SIGKILL, and not a SIGTERM
 * @param dataDirectory on the disk to be measured; emptied
 * @param topicConfigs of every topic, key=value
 * @param serverJvmArguments for profiling; %RUN% stands for COUNT-first or COUNT-restarted
 * @param serverSettings given to the server, key=value
 */
record TopicsOptions(
        List<Integer> counts,
        int batch,
        int inFlight,
        int sample,
        boolean kill,
        Path dataDirectory,
        Map<String, String> topicConfigs,
        List<String> serverJvmArguments,
        List<String> serverSettings) {

    static final String USAGE =
            """
            usage: bench/run topics [options]
              --counts N,M           topics of each run (default 10,1000,100000,1000000)
              --batch N              topics per CreateTopics request (default 2000)
              --in-flight N          requests under way at a time (default 4)
              --sample N             topics that are written and read (default 1000)
              --restart HOW          term or kill: what ends the first server (default term)
              --data DIR             data folder (default bench/target/topics)
              --topic-config K=V     of every topic, may be repeated
              --jvm ARGUMENT         JVM argument of the server, may be repeated
              --set KEY=VALUE        setting of the server, may be repeated
            """;

    static TopicsOptions parse(String[] arguments, Path home) {
        Options given = new Options(List.of(arguments), USAGE);
        return new TopicsOptions(
                counts(given.text("--counts", "10,1000,100000,1000000")),
                given.number("--batch", 2000, 1),
                given.number("--in-flight", 4, 1),
                given.number("--sample", 1000, 1),
                kill(given.text("--restart", "term")),
                Path.of(given.text("--data", home.resolve("bench/target/topics").toString())),
                given.pairs("--topic-config"),
                given.all("--jvm"),
                given.all("--set"));
    }

    private static List<Integer> counts(String text) {
        return Arrays.stream(text.split(",")).map(TopicsOptions::count).toList();
    }

    private static int count(String text) {
        int count = Integer.parseInt(text);
        if (count < 1) {
            throw new IllegalArgumentException("must be at least 1: --counts=" + count);
        }
        return count;
    }

    private static boolean kill(String how) {
        return switch (how) {
            case "term" -> false;
            case "kill" -> true;
            default -> throw new IllegalArgumentException("not term or kill: --restart=" + how);
        };
    }
}
