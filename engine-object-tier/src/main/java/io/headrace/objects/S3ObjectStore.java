package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * A bucket, or the keys below a prefix of one. The version is the etag, and every read asks for
 * exactly that version.
 *
 * <p>Thread-safe; owns its HTTP client. Each call sends a bounded number of requests with the SDK's
 * back-off between them, then fails. Credentials come from the SDK's default chain, which renews
 * them, or from the settings.
 */
public final class S3ObjectStore implements ObjectStore {
    /** What the protocol allows in one answer. */
    private static final int LIST_LIMIT = 1000;

    private static final int PRECONDITION_FAILED = 412;
    private static final int NOT_FOUND = 404;
    private static final int CONNECTION_COUNT_MAX = 128;

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
                        .httpClientBuilder(
                                Apache5HttpClient.builder().maxConnections(CONNECTION_COUNT_MAX))
                        .credentialsProvider(credentials(settings))
                        .forcePathStyle(settings.pathStyle())
                        // a range has no checksum of its own, so there is nothing to validate
                        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                        .overrideConfiguration(
                                override ->
                                        override.retryStrategy(
                                                        AwsRetryStrategy.standardRetryStrategy()
                                                                .toBuilder()
                                                                .maxAttempts(settings.attemptsMax())
                                                                .build())
                                                .apiCallAttemptTimeout(settings.attemptTimeout()));
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

    private static AwsCredentialsProvider credentials(S3Settings settings) {
        if (settings.accessKey() == null || settings.secretKey() == null) {
            return DefaultCredentialsProvider.builder().build();
        }
        return StaticCredentialsProvider.create(
                AwsBasicCredentials.create(settings.accessKey(), settings.secretKey()));
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
            throw new IOException(
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
            client.getObject(request, transformer(into));
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

    /**
     * Fills the buffer; each attempt begins anew, a broken or short body is another attempt's
     * cause.
     */
    private static ResponseTransformer<GetObjectResponse, GetObjectResponse> transformer(
            ByteBuffer into) {
        int begin = into.position();
        return (response, body) -> {
            into.position(begin);
            try {
                readFully(body, into);
                return response;
            } catch (IOException broken) {
                throw RetryableException.create("body broke off", broken);
            }
        };
    }

    private static void readFully(AbortableInputStream body, ByteBuffer into) throws IOException {
        ReadableByteChannel channel = Channels.newChannel(body);
        while (into.hasRemaining()) {
            if (channel.read(into) < 0) {
                throw new EOFException("body too short: missing=" + into.remaining());
            }
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
        return new IOException(
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

    @Override
    public void close() {
        client.close();
    }
}
