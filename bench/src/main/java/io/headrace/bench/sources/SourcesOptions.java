package io.headrace.bench.sources;

import io.headrace.bench.Options;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The command line of {@code bench/run sources}.
 *
 * @param parts what is measured, in order
 * @param scale factor for all sizes
 * @param latencyMs what each request waits at the proxy
 * @param bandwidth of all connections at the proxy, bytes per second
 * @param cacheBytes of Headrace's cache, at scale 1
 * @param pace of a trainer, bytes per second
 * @param rounds of what is compared in turns
 * @param workers processes that read at a time, where processes are compared
 * @param dataDirectory on the disk to be used; emptied
 * @param consumerSettings of the Java consumers, beside their defaults
 * @param settings of Headrace's server, key=value
 * @param settingsWithoutPrefetch further ones, with which it does not prefetch
 */
record SourcesOptions(
        List<String> parts,
        double scale,
        int latencyMs,
        long bandwidth,
        long cacheBytes,
        long pace,
        int rounds,
        int workers,
        Path dataDirectory,
        Map<String, String> consumerSettings,
        List<String> settings,
        List<String> settingsWithoutPrefetch) {

    private static final String PARTS = "epochs,trainers,belady,cold,warm,mounts,tar,listing";
    private static final long MB = 1_000_000;
    private static final long MIB = 1 << 20;

    static final String USAGE =
            """
            usage: bench/run sources [options]
              --parts A,B            of %s (default: all)
              --scale X              factor for all sizes (default 1)
              --latency-ms N         each request waits so long at the proxy (default 100)
              --bandwidth-mb N       10⁶ bytes per second through the proxy (default 60)
              --cache-mib N          cache of Headrace (default 256)
              --pace-mb N            10⁶ bytes per second that a trainer takes (default 20)
              --rounds N             turns of what is compared in turns (default 5)
              --workers N            reading processes (default 4)
              --data DIR             data folder (default bench/target/sources)
              --consumer KEY=VALUE   setting of the Java consumers, may be repeated
              --set KEY=VALUE        setting of the server, may be repeated
              --no-prefetch K=V      setting with which it does not prefetch, may be repeated
            """
                    .formatted(PARTS);

    static SourcesOptions parse(String[] arguments, Path home) {
        Options given = new Options(List.of(arguments), USAGE);
        return new SourcesOptions(
                parts(given.text("--parts", PARTS)),
                scale(given.text("--scale", "1")),
                given.number("--latency-ms", 100, 0),
                given.number("--bandwidth-mb", 60, 1) * MB,
                given.number("--cache-mib", 256, 1) * MIB,
                given.number("--pace-mb", 20, 1) * MB,
                given.number("--rounds", 5, 1),
                given.number("--workers", 4, 1),
                Path.of(given.text("--data", home.resolve("bench/target/sources").toString())),
                given.pairs("--consumer"),
                given.all("--set"),
                given.all("--no-prefetch"));
    }

    private static List<String> parts(String names) {
        List<String> known = List.of(PARTS.split(","));
        List<String> parts = List.of(names.split(","));
        for (String part : parts) {
            if (!known.contains(part)) {
                throw new IllegalArgumentException("unknown part: " + part + "\n" + USAGE);
            }
        }
        return parts;
    }

    private static double scale(String text) {
        double scale = Double.parseDouble(text);
        if (!(scale > 0)) {
            throw new IllegalArgumentException("must be above 0: --scale=" + text);
        }
        return scale;
    }

    /** A count at this scale, at least 1. */
    int scaled(double count) {
        return (int) Math.max(1, Math.round(count * scale));
    }

    /** Bytes of the cache at this scale. */
    long scaledCacheBytes() {
        return Math.max(MIB, Math.round(cacheBytes * scale));
    }
}
