package io.headrace.objects;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;

/** An S3 server on a loopback port with signatures checked, and one bucket. */
final class S3Server implements AutoCloseable {
    static final String BUCKET = "bucket";
    private static final String ACCESS_KEY = "local-identity";
    private static final String SECRET_KEY = "local-credential";

    private final TransientNio2BlobStore blobs = new TransientNio2BlobStore();
    private final S3Proxy proxy;

    S3Server() throws Exception {
        blobs.createContainer(BUCKET);
        proxy =
                S3Proxy.builder()
                        .blobStore(blobs)
                        .endpoint(URI.create("http://127.0.0.1:0"))
                        .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, ACCESS_KEY, SECRET_KEY)
                        .build();
        proxy.start();
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + proxy.getPort());
    }

    /** Settings of a store below a prefix of the bucket. */
    S3Settings settings(String prefix) {
        Map<String, String> config = new HashMap<>();
        config.put("uri", "s3://" + BUCKET + "/" + prefix);
        config.put("endpoint", endpoint().toString());
        config.put("path.style.access", "true");
        config.put("access.key", ACCESS_KEY);
        config.put("secret.key", SECRET_KEY);
        return S3Settings.of(config);
    }

    /** Puts an object, past the HTTP side. */
    void put(String key, byte[] content) {
        PutObjectRequest request =
                PutObjectRequest.builder()
                        .bucket(BUCKET)
                        .key(key)
                        .contentLength((long) content.length)
                        .build();
        blobs.putBlob(request, RequestBody.fromBytes(content).contentStreamProvider().newStream());
    }

    void remove(String key) {
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
