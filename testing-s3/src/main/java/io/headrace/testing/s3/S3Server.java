package io.headrace.testing.s3;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.gaul.s3proxy.AccessGrant;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.blobstore.BlobStore;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;

/**
 * An S3 server on a loopback port with signatures checked, and one bucket, in memory or in a
 * folder. Whoever opened it closes it.
 */
public final class S3Server implements AutoCloseable {
    /** The bucket. */
    public static final String BUCKET = "bucket";

    /** The key id that it knows at first. */
    public static final String ACCESS_KEY = "local-identity";

    /** The secret of {@link #ACCESS_KEY}. */
    public static final String SECRET_KEY = "local-credential";

    private final BlobStore blobs;
    private final S3Proxy proxy;
    private final boolean isSecure;

    /** Secrets by key id. */
    private final Map<String, String> credentials =
            new ConcurrentHashMap<>(Map.of(ACCESS_KEY, SECRET_KEY));

    /** Plain HTTP, objects in memory. */
    public S3Server() throws Exception {
        this(new TransientNio2BlobStore(), null, "");
    }

    private S3Server(BlobStore blobs, @Nullable Path keyStore, String password) throws Exception {
        this.blobs = blobs;
        this.isSecure = keyStore != null;
        if (!blobs.containerExists(BUCKET)) {
            blobs.createContainer(BUCKET);
        }
        S3Proxy.Builder builder =
                S3Proxy.builder()
                        .blobStore(blobs)
                        .ignoreUnknownHeaders(true) // a session token is one
                        .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, ACCESS_KEY, SECRET_KEY);
        if (keyStore == null) {
            builder.endpoint(URI.create("http://127.0.0.1:0"));
        } else {
            builder.secureEndpoint(URI.create("https://127.0.0.1:0"))
                    .keyStore(keyStore.toString(), password);
        }
        proxy = builder.build();
        proxy.setBlobStoreLocator(this::grant);
        proxy.start();
    }

    /** Plain HTTP, objects in a folder, which has to be there. */
    public static S3Server inFolder(Path folder) throws Exception {
        return new S3Server(new FilesystemNio2BlobStore(folder.toString()), null, "");
    }

    /** HTTPS with the key in a key store, objects in memory. */
    public static S3Server secure(Path keyStore, String password) throws Exception {
        return new S3Server(new TransientNio2BlobStore(), keyStore, password);
    }

    private @Nullable AccessGrant grant(
            String identity, @Nullable String container, @Nullable String blob) {
        String secret = identity == null ? null : credentials.get(identity);
        return secret == null ? null : new AccessGrant(secret, blobs);
    }

    /** Knows these keys from now on, and no others. */
    public void rotate(String accessKey, String secretKey) {
        credentials.put(accessKey, secretKey);
        credentials.keySet().retainAll(Set.of(accessKey));
    }

    /** Where clients find it. */
    public URI endpoint() {
        return isSecure
                ? URI.create("https://127.0.0.1:" + proxy.getSecurePort())
                : URI.create("http://127.0.0.1:" + proxy.getPort());
    }

    /** The config of a store below a prefix of the bucket, asked straight. */
    public Map<String, String> config(String prefix) {
        return config(prefix, endpoint());
    }

    /** The config of a store below a prefix of the bucket, asked at another address. */
    public Map<String, String> config(String prefix, URI through) {
        Map<String, String> config = new HashMap<>();
        config.put("uri", "s3://" + BUCKET + "/" + prefix);
        config.put("endpoint", through.toString());
        config.put("path.style.access", "true");
        config.put("access.key", ACCESS_KEY);
        config.put("secret.key", SECRET_KEY);
        return config;
    }

    /** Puts an object, past the HTTP side. */
    public void put(String key, byte[] content) {
        PutObjectRequest request =
                PutObjectRequest.builder()
                        .bucket(BUCKET)
                        .key(key)
                        .contentLength((long) content.length)
                        .build();
        blobs.putBlob(request, new ByteArrayInputStream(content));
    }

    /** Removes an object, past the HTTP side. */
    public void remove(String key) {
        blobs.removeBlob(BUCKET, key);
    }

    @Override
    public void close() {
        try {
            proxy.stop();
        } catch (Exception failed) {
            throw new IllegalStateException("S3 server does not stop", failed);
        }
        blobs.close();
    }
}
