package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** S3 over TLS, with a certificate that this test has made. */
final class S3TlsTest {
    private static final String PASSWORD = "changeit";
    private static final String TRUST_STORE = "javax.net.ssl.trustStore";
    private static final String TRUST_STORE_PASSWORD = "javax.net.ssl.trustStorePassword";

    @TempDir Path folder;

    private Path keyStore;
    private S3Server server;

    @BeforeEach
    void open() throws Exception {
        keyStore = folder.resolve("keys.p12");
        Process keytool =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-keystore",
                                keyStore.toString(),
                                "-storepass",
                                PASSWORD,
                                "-keyalg",
                                "EC",
                                "-dname",
                                "CN=127.0.0.1",
                                "-ext",
                                "san=ip:127.0.0.1")
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("keytool.log").toFile())
                        .start();
        assertTrue(keytool.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, keytool.exitValue());
        server = S3Server.secure(keyStore, PASSWORD);
        server.put("data/k", new byte[] {1, 2, 3});
    }

    @AfterEach
    void close() {
        System.clearProperty(TRUST_STORE);
        System.clearProperty(TRUST_STORE_PASSWORD);
        server.close();
    }

    @Test
    void certificateThatTheJvmTrustsIsTaken() throws IOException {
        System.setProperty(TRUST_STORE, keyStore.toString());
        System.setProperty(TRUST_STORE_PASSWORD, PASSWORD);
        try (S3ObjectStore store = store()) {
            ByteBuffer into = ByteBuffer.allocate(3);
            store.read(store.list("", null, 1).get(0), 0, into);
            assertArrayEquals(new byte[] {1, 2, 3}, into.array());
        }
    }

    @Test
    void certificateThatNobodyKnowsIsRefused() {
        try (S3ObjectStore store = store()) {
            IOException refused = assertThrows(IOException.class, () -> store.list("", null, 1));
            assertTrue(refused.getCause().toString().contains("cert"), refused.toString());
        }
    }

    private S3ObjectStore store() {
        return new S3ObjectStore("s3", S3Settings.of(server.config("data/")));
    }
}
