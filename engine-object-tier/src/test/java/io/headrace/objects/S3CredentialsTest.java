package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys that change while the store is in use, against a server that checks them. */
final class S3CredentialsTest {
    @TempDir Path folder;

    private final StoreCounters counters = new StoreCounters("s3");
    private S3Server server;

    @BeforeEach
    void open() throws Exception {
        server = new S3Server();
        server.put("data/k", new byte[100]);
    }

    @AfterEach
    void close() {
        server.close();
    }

    private Path write(String profile, String accessKey, String secretKey) throws IOException {
        Path fresh = Files.createTempFile(folder, "credentials", ".new");
        Files.writeString(
                fresh,
                "["
                        + profile
                        + "]\naws_access_key_id="
                        + accessKey
                        + "\naws_secret_access_key="
                        + secretKey
                        + "\n");
        return Files.move(
                fresh,
                folder.resolve("credentials"),
                StandardCopyOption.REPLACE_EXISTING,
                StandardCopyOption.ATOMIC_MOVE);
    }

    private ObjectStore store(Map<String, String> more) {
        Map<String, String> config = server.config("data/");
        config.keySet().removeAll(Set.of("access.key", "secret.key"));
        config.putAll(more);
        return StoreLimits.of(config)
                .around(new S3ObjectStore("s3", S3Settings.of(config)), counters);
    }

    @Test
    void keysOfAFileRotateWithoutARestart() throws Exception {
        Path file = write("default", S3Server.ACCESS_KEY, S3Server.SECRET_KEY);
        try (ObjectStore store = store(Map.of("credentials.file", file.toString()))) {
            StoredObject object = store.list("", null, 1).get(0);
            for (int rotation = 1; rotation <= 3; rotation++) {
                store.read(object, 0, ByteBuffer.allocate(100));
                // the server first, so that the old keys are refused before the new ones are there
                server.rotate("key-" + rotation, "secret-" + rotation);
                FutureTask<Void> reader = reader(store, object);
                new Thread(reader, "reads-through-a-rotation").start();
                long seen = counters.retries.sum();
                Waiting.until(
                        () -> counters.retries.sum() > seen || reader.isDone(), "old keys refused");
                write("default", "key-" + rotation, "secret-" + rotation);
                reader.get();
            }
        }
        assertEquals(0, counters.errors.sum());
        assertTrue(counters.retries.sum() >= 3);
    }

    private static FutureTask<Void> reader(ObjectStore store, StoredObject object) {
        Callable<Void> read =
                () -> {
                    store.read(object, 0, ByteBuffer.allocate(100));
                    return null;
                };
        return new FutureTask<>(read);
    }

    @Test
    void profileOfAFileIsChosenByName() throws IOException {
        Path file = write("trainer", S3Server.ACCESS_KEY, S3Server.SECRET_KEY);
        Map<String, String> config =
                Map.of("credentials.file", file.toString(), "credentials.profile", "trainer");
        try (ObjectStore store = store(config)) {
            assertEquals(1, store.list("", null, 10).size());
        }
    }

    @Test
    void fixedKeysThatAreRefusedAreNotTriedAgain() {
        Map<String, String> config = Map.of("access.key", "someone", "secret.key", "hush");
        try (ObjectStore store = store(config)) {
            assertThrows(IOException.class, () -> store.list("", null, 10));
        }
        assertEquals(0, counters.retries.sum());
        assertEquals(1, counters.errors.sum());
    }

    @Test
    void nothingPrintsASecret() {
        Map<String, String> config = server.config("data/");
        assertTrue(!S3Settings.of(config).toString().contains(S3Server.SECRET_KEY));
        assertTrue(!S3Settings.of(config).credentials().toString().contains(S3Server.SECRET_KEY));
    }

    @Test
    void defaultChainExchangesAWebIdentityForKeys() throws IOException {
        Path token = Files.writeString(folder.resolve("token"), "a token of the platform's");
        HttpServer sts = sts("a token of the platform's");
        Map<String, String> properties =
                Map.of(
                        "aws.roleArn",
                        "arn:aws:iam::000000000000:role/reader",
                        "aws.webIdentityTokenFile",
                        token.toString(),
                        "aws.region",
                        "us-east-1",
                        "aws.endpointUrlSts",
                        "http://127.0.0.1:" + sts.getAddress().getPort());
        System.getProperties().putAll(properties);
        try (ObjectStore store = store(Map.of())) {
            assertEquals(1, store.list("", null, 10).size());
        } finally {
            properties.keySet().forEach(System::clearProperty);
            sts.stop(0);
        }
    }

    /** Gives the server's keys to who shows the token. */
    private static HttpServer sts(String token) throws IOException {
        String answer =
                """
                <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
                <AssumeRoleWithWebIdentityResult><Credentials><SessionToken></SessionToken>
                <AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>
                <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                """
                        .formatted(S3Server.ACCESS_KEY, S3Server.SECRET_KEY);
        String shown = "WebIdentityToken=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
        HttpServer sts =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        sts.createContext(
                "/",
                exchange -> {
                    try (exchange) {
                        String asked = new String(exchange.getRequestBody().readAllBytes());
                        boolean isShown = asked.replace("%20", "+").contains(shown);
                        exchange.sendResponseHeaders(isShown ? 200 : 403, answer.length());
                        exchange.getResponseBody().write(answer.getBytes());
                    }
                });
        sts.start();
        return sts;
    }
}
