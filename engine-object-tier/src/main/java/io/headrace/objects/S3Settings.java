package io.headrace.objects;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where an S3 store is and how it is reached. Immutable.
 *
 * @param bucket name of the bucket
 * @param prefix what all keys of the store begin with: empty, or ending in {@code /}
 * @param endpoint of a server that is not AWS, or null
 * @param region AWS region, or null for what the environment says
 * @param pathStyle whether the bucket stands in the path and not in the host name
 * @param credentials where the keys come from that requests are signed with
 * @param connectionsMax connections at a time
 * @param stallTimeout longest time without progress within an answer
 */
@Experimental
public record S3Settings(
        String bucket,
        String prefix,
        @Nullable URI endpoint,
        @Nullable String region,
        boolean pathStyle,
        S3Credentials credentials,
        int connectionsMax,
        Duration stallTimeout) {
    private static final String STALL_TIMEOUT = "stall.timeout.ms";
    private static final Set<String> KEYS =
            Stream.of(
                            Set.of("uri", "endpoint", "region", "path.style.access", STALL_TIMEOUT),
                            S3Credentials.KEYS,
                            StoreLimits.KEYS)
                    .flatMap(Set::stream)
                    .collect(Collectors.toUnmodifiableSet());

    private static final long STALL_TIMEOUT_DEFAULT_MS = 10_000;
    private static final long STALL_TIMEOUT_LIMIT_MS = 600_000;

    /** For what is not a read: asking which version there is, while all reads are under way. */
    private static final int CONNECTIONS_SPARE = 4;

    /**
     * From the keys of a server's config, without what stands before them: {@code uri} ({@code
     * s3://bucket/prefix/}), {@code endpoint}, {@code region}, {@code path.style.access}, those of
     * {@link S3Credentials}, {@code stall.timeout.ms}, and those of {@link StoreLimits}, of which
     * only the number of requests matters here; all but the first may be absent.
     *
     * @throws InvalidConfigException naming the first that is unknown or has a value it cannot have
     */
    public static S3Settings of(Map<String, String> config) {
        for (Map.Entry<String, String> entry : config.entrySet()) {
            if (!KEYS.contains(entry.getKey())) {
                throw new InvalidConfigException(
                        entry.getKey(), entry.getValue(), "one of " + new TreeSet<>(KEYS));
            }
        }
        String root = bucketAndPrefix(config.getOrDefault("uri", ""));
        int slash = root.indexOf('/');
        return new S3Settings(
                root.substring(0, slash),
                root.substring(slash + 1),
                endpoint(config.get("endpoint")),
                config.get("region"),
                pathStyle(config.getOrDefault("path.style.access", "false")),
                S3Credentials.of(config),
                StoreLimits.of(config).requestsMax() + CONNECTIONS_SPARE,
                Duration.ofMillis(
                        StoreLimits.number(
                                config,
                                STALL_TIMEOUT,
                                STALL_TIMEOUT_DEFAULT_MS,
                                1,
                                STALL_TIMEOUT_LIMIT_MS)));
    }

    /** {@code bucket/} or {@code bucket/prefix/} of an S3 URI. */
    private static String bucketAndPrefix(String uri) {
        String rest = uri.startsWith("s3://") ? uri.substring("s3://".length()) : "";
        if (rest.isEmpty() || rest.startsWith("/")) {
            throw new InvalidConfigException("uri", uri, "s3://BUCKET/ or s3://BUCKET/PREFIX/");
        }
        return rest.endsWith("/") ? rest : rest + "/";
    }

    private static @Nullable URI endpoint(@Nullable String value) {
        if (value == null) {
            return null;
        }
        try {
            URI uri = new URI(value);
            if (uri.getHost() != null
                    && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (URISyntaxException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException("endpoint", value, "http://HOST[:PORT] or https://…");
    }

    private static boolean pathStyle(String value) {
        return switch (value) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw new InvalidConfigException("path.style.access", value, "true or false");
        };
    }

    /** Without the credentials. */
    @Override
    public String toString() {
        return "s3://" + bucket + "/" + prefix + (endpoint == null ? "" : " at " + endpoint);
    }
}
