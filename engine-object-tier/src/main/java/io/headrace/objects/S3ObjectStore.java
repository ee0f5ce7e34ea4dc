package io.headrace.objects;

import io.headrace.engine.Experimental;
import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * A bucket, or the keys below a prefix of one. The version is the etag, and every read asks for
 * exactly that version.
 *
 * <p>Each call sends its request once, and says of a failure whether it may pass: {@link
 * StoreLimits} puts around it what asks again, so that each request, and not each call, counts
 * against the limits.
 *
 * <p>Thread-safe; owns its HTTP client.
 */
@Experimental
public final class S3ObjectStore implements ObjectStore {
    /** What the protocol allows in one answer. */
    private static final int LIST_LIMIT = 1000;

    private static final int PRECONDITION_FAILED = 412;
    private static final int NOT_FOUND = 404;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int REQUEST_TIMEOUT = 408;
    private static final int SERVICE_UNAVAILABLE = 503;
    private static final int FIRST_SERVER_ERROR = 500;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** What a server says to keys that have just been replaced, or to a clock that is off. */
    private static final Set<String> CODES_OF_OLD_KEYS =
            Set.of(
                    "ExpiredToken",
                    "ExpiredTokenException",
                    "InvalidAccessKeyId",
                    "InvalidToken",
                    "RequestTimeTooSkewed",
                    "SignatureDoesNotMatch",
                    "TokenRefreshRequired");

    private final String name;
    private final S3Settings settings;
    private final S3Client client;

    /**
     * Sends nothing yet.
     *
     * @param name of the store in the server's config
     */
    public S3ObjectStore(String name, S3Settings settings) {
        this.name = name;
        this.settings = settings;
        this.client = client(settings);
    }

    private static S3Client client(S3Settings settings) {
        S3ClientBuilder builder =
                S3Client.builder()
                        .httpClientBuilder(http(settings))
                        .credentialsProvider(settings.credentials().provider())
                        .forcePathStyle(settings.pathStyle())
                        // a range has no checksum of its own, so there is nothing to validate
                        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                        .overrideConfiguration(
                                override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()));
        if (settings.endpoint() != null) {
            builder.endpointOverride(settings.endpoint());
        }
        if (settings.region() != null) {
            builder.region(Region.of(settings.region()));
        } else if (settings.endpoint() != null) {
            builder.region(
                    Region.US_EAST_1); // other servers ignore it, but it is part of the signature
        }
        return builder.build();
    }

    private static Apache5HttpClient.Builder http(S3Settings settings) {
        return Apache5HttpClient.builder()
                .maxConnections(settings.connectionsMax())
                .connectionTimeout(CONNECT_TIMEOUT)
                .socketTimeout(settings.stallTimeout());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        List<StoredObject> page = new ArrayList<>(Math.min(limit, LIST_LIMIT));
        String after = afterKey;
        while (page.size() < limit) {
            ListObjectsV2Response response = request(prefix, after, limit - page.size());
            for (S3Object object : response.contents()) {
                page.add(stored(object));
                after = page.get(page.size() - 1).key();
            }
            if (!Boolean.TRUE.equals(response.isTruncated()) || response.contents().isEmpty()) {
                break;
            }
        }
        return page;
    }

    private ListObjectsV2Response request(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        ListObjectsV2Request.Builder request =
                ListObjectsV2Request.builder()
                        .bucket(settings.bucket())
                        .prefix(settings.prefix() + prefix)
                        .maxKeys(Math.min(limit, LIST_LIMIT));
        if (afterKey != null) {
            request.startAfter(settings.prefix() + afterKey);
        }
        try {
            return client.listObjectsV2(request.build());
        } catch (SdkException failed) {
            throw failure(
                    "listing failed: store=" + name + " root=" + settings + " prefix=" + prefix,
                    failed);
        }
    }

    private StoredObject stored(S3Object object) {
        return new StoredObject(
                object.key().substring(settings.prefix().length()),
                object.size(),
                object.eTag(),
                object.lastModified() == null ? 0 : object.lastModified().toEpochMilli());
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        if (!into.hasRemaining()) {
            return; // a range cannot be empty
        }
        GetObjectRequest request =
                GetObjectRequest.builder()
                        .bucket(settings.bucket())
                        .key(settings.prefix() + object.key())
                        .range("bytes=" + offset + "-" + (offset + into.remaining() - 1))
                        .ifMatch(object.version())
                        .build();
        try {
            client.getObject(
                    request,
                    new RangeBody(object, offset, into, settings.stallTimeout(), System::nanoTime));
        } catch (NoSuchKeyException absent) {
            throw new ObjectChangedException(object.key(), object.version(), "absent");
        } catch (S3Exception refused) {
            if (refused.statusCode() == PRECONDITION_FAILED) {
                throw changed(object);
            }
            throw failed(object, offset, refused);
        } catch (SdkException failed) {
            throw failed(object, offset, failed);
        }
    }

    private ObjectChangedException changed(StoredObject object) {
        return new ObjectChangedException(object.key(), object.version(), currentVersion(object));
    }

    private String currentVersion(StoredObject object) {
        try {
            return client.headObject(
                            head ->
                                    head.bucket(settings.bucket())
                                            .key(settings.prefix() + object.key()))
                    .eTag();
        } catch (S3Exception refused) {
            return refused.statusCode() == NOT_FOUND ? "absent" : "unknown";
        } catch (SdkException failed) {
            return "unknown";
        }
    }

    private IOException failed(StoredObject object, long offset, SdkException cause) {
        for (Throwable inner = cause; inner != null; inner = inner.getCause()) {
            if (inner instanceof ObjectChangedException changed) {
                return changed; // RangeBody's; the SDK wraps it
            }
        }
        return failure(
                "read failed: store="
                        + name
                        + " root="
                        + settings
                        + " key="
                        + object.key()
                        + " offset="
                        + offset,
                cause);
    }

    /** The failure, as what the store's caller can do about it. */
    private IOException failure(String what, SdkException cause) {
        if (!(cause instanceof AwsServiceException refused)) {
            return new TransientStoreException(what, cause); // no answer, or one that broke off
        }
        int status = refused.statusCode();
        if (refused.isThrottlingException()
                || status == SERVICE_UNAVAILABLE
                || status == TOO_MANY_REQUESTS) {
            return new StoreBusyException(what, cause);
        }
        return status >= FIRST_SERVER_ERROR || status == REQUEST_TIMEOUT || mayRenewKeys(refused)
                ? new TransientStoreException(what, cause)
                : new IOException(what, cause);
    }

    private boolean mayRenewKeys(AwsServiceException refused) {
        AwsErrorDetails details = refused.awsErrorDetails();
        return settings.credentials().mayRotate()
                && details != null
                && CODES_OF_OLD_KEYS.contains(details.errorCode());
    }

    @Override
    public void close() {
        client.close();
    }
}
