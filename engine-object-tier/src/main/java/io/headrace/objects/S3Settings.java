package io.headrace.objects;

import io.headrace.engine.InvalidConfigException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Where an S3 store is and how it is reached. Immutable; each method returns a copy with one thing
 * set.
 *
 * @param bucket name of the bucket
 * @param prefix what all keys of the store begin with: empty, or ending in {@code /}
 * @param endpoint of a server that is not AWS, or null
 * @param region AWS region, or null for what the environment says
 * @param pathStyle whether the bucket stands in the path and not in the host name
 * @param accessKey fixed credentials, or null for the SDK's default chain (which also rotates them)
 * @param secretKey belongs to {@code accessKey}
 * @param attemptsMax requests sent for one call, the first included
 * @param attemptTimeout longest time for one of them
 */
public record S3Settings(
        String bucket,
        String prefix,
        @Nullable URI endpoint,
        @Nullable String region,
        boolean pathStyle,
        @Nullable String accessKey,
        @Nullable String secretKey,
        int attemptsMax,
        Duration attemptTimeout) {

    private static final Set<String> KEYS =
            Set.of("uri", "endpoint", "region", "path.style.access", "access.key", "secret.key");

    /**
     * From the keys of a server's config, without what stands before them: {@code uri} ({@code
     * s3://bucket/prefix/}), {@code endpoint}, {@code region}, {@code path.style.access}, {@code
     * access.key}, {@code secret.key}; all but the first may be absent.
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
        String accessKey = config.get("access.key");
        String secretKey = config.get("secret.key");
        if ((accessKey == null) != (secretKey == null)) {
            throw new InvalidConfigException(
                    "access.key", "(hidden)", "access.key and secret.key together, or neither");
        }
        String root = bucketAndPrefix(config.getOrDefault("uri", ""));
        int slash = root.indexOf('/');
        return new S3Settings(
                root.substring(0, slash),
                root.substring(slash + 1),
                endpoint(config.get("endpoint")),
                config.get("region"),
                pathStyle(config.getOrDefault("path.style.access", "false")),
                accessKey,
                secretKey,
                4,
                Duration.ofSeconds(30));
    }

    /** Copy with another bound on one call: so many requests, each of at most that time. */
    public S3Settings withAttempts(int max, Duration timeout) {
        return new S3Settings(
                bucket, prefix, endpoint, region, pathStyle, accessKey, secretKey, max, timeout);
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
