package io.headrace.objects;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.profiles.ProfileFileSupplier;

/**
 * Where the keys come from that requests are signed with: fixed, a file, a profile, or else the
 * SDK's default chain (environment, web identity, profile, container, instance). All but the first
 * are asked again as they change.
 *
 * @param accessKey fixed key id, or null
 * @param secretKey belongs to {@code accessKey}
 * @param file in the format of {@code ~/.aws/credentials}, read again when it was modified, or null
 * @param profile in the file, or in AWS' own files, or null for the default one
 */
@Experimental
public record S3Credentials(
        @Nullable String accessKey,
        @Nullable String secretKey,
        @Nullable Path file,
        @Nullable String profile) {
    private static final String ACCESS_KEY = "access.key";
    private static final String SECRET_KEY = "secret.key";
    private static final String FILE = "credentials.file";
    private static final String PROFILE = "credentials.profile";

    /** The keys that {@link #of} reads. */
    static final Set<String> KEYS = Set.of(ACCESS_KEY, SECRET_KEY, FILE, PROFILE);

    private static final String DEFAULT_PROFILE = "default";

    static S3Credentials of(Map<String, String> config) {
        String accessKey = config.get(ACCESS_KEY);
        String secretKey = config.get(SECRET_KEY);
        if ((accessKey == null) != (secretKey == null)) {
            throw new InvalidConfigException(
                    ACCESS_KEY, "(hidden)", "access.key and secret.key together, or neither");
        }
        String file = config.get(FILE);
        String profile = config.get(PROFILE);
        if (accessKey != null && (file != null || profile != null)) {
            throw new InvalidConfigException(
                    ACCESS_KEY, "(hidden)", "either fixed keys, or " + FILE + " and " + PROFILE);
        }
        return new S3Credentials(
                accessKey, secretKey, file == null ? null : readable(file), profile);
    }

    private static Path readable(String file) {
        try {
            Path path = Path.of(file);
            if (Files.isReadable(path)) {
                return path;
            }
        } catch (InvalidPathException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(FILE, file, "a file that can be read");
    }

    /** Whether keys that the server refuses may be others at the next request. */
    boolean mayRotate() {
        return accessKey == null;
    }

    /** What the SDK asks before each request. */
    AwsCredentialsProvider provider() {
        if (accessKey != null && secretKey != null) {
            return StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(accessKey, secretKey));
        }
        if (file != null) {
            return ProfileCredentialsProvider.builder()
                    .profileFile(
                            ProfileFileSupplier.reloadWhenModified(
                                    file, ProfileFile.Type.CREDENTIALS))
                    .profileName(profile == null ? DEFAULT_PROFILE : profile)
                    .build();
        }
        return profile == null
                ? DefaultCredentialsProvider.builder().build()
                : ProfileCredentialsProvider.create(profile);
    }

    /** Without the secrets. */
    @Override
    public String toString() {
        return accessKey != null ? "fixed" : "file=" + file + " profile=" + profile;
    }
}
