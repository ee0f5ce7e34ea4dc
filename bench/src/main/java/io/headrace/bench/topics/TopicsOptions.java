package io.headrace.bench.topics;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

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
        Map<String, List<String>> given = collect(List.of(arguments).iterator());
        return new TopicsOptions(
                counts(single(given, "--counts", "10,1000,100000,1000000")),
                positive(given, "--batch", "2000"),
                positive(given, "--in-flight", "4"),
                positive(given, "--sample", "1000"),
                kill(single(given, "--restart", "term")),
                Path.of(single(given, "--data", home.resolve("bench/target/topics").toString())),
                pairs(given.getOrDefault("--topic-config", List.of())),
                given.getOrDefault("--jvm", List.of()),
                given.getOrDefault("--set", List.of()));
    }

    private static Map<String, List<String>> collect(Iterator<String> arguments) {
        Map<String, List<String>> given = new TreeMap<>();
        while (arguments.hasNext()) {
            String name = arguments.next();
            if (!USAGE.contains("  " + name + " ") || !arguments.hasNext()) {
                throw new IllegalArgumentException(
                        "unknown option or no value: option=" + name + "\n" + USAGE);
            }
            given.computeIfAbsent(name, key -> new ArrayList<>()).add(arguments.next());
        }
        return given;
    }

    private static String single(
            Map<String, List<String>> given, String name, String defaultValue) {
        List<String> values = given.getOrDefault(name, List.of(defaultValue));
        return values.get(values.size() - 1);
    }

    private static List<Integer> counts(String text) {
        return Arrays.stream(text.split(",")).map(each -> positive("--counts", each)).toList();
    }

    private static int positive(Map<String, List<String>> given, String name, String defaultValue) {
        return positive(name, single(given, name, defaultValue));
    }

    private static int positive(String name, String text) {
        int value = Integer.parseInt(text);
        if (value < 1) {
            throw new IllegalArgumentException("must be at least 1: " + name + "=" + value);
        }
        return value;
    }

    private static boolean kill(String how) {
        return switch (how) {
            case "term" -> false;
            case "kill" -> true;
            default -> throw new IllegalArgumentException("not term or kill: --restart=" + how);
        };
    }

    private static Map<String, String> pairs(List<String> texts) {
        Map<String, String> pairs = new TreeMap<>();
        for (String text : texts) {
            int equals = text.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not KEY=VALUE: " + text + "\n" + USAGE);
            }
            pairs.put(text.substring(0, equals), text.substring(equals + 1));
        }
        return pairs;
    }
}
