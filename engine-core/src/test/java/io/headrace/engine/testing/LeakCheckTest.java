package io.headrace.engine.testing;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;

class LeakCheckTest {
    private final LeakCheck leaks = new LeakCheck(200);
    private final ExtensionContext passed = contextOfAPassedTest();

    @TempDir Path folder;

    @Test
    void passesATestThatClosesWhatItOpens() throws Exception {
        leaks.beforeEach(passed);
        Thread thread = new Thread(() -> {});
        thread.start();
        try (InputStream file = Files.newInputStream(file())) {
            file.read();
        }
        thread.join();
        assertDoesNotThrow(() -> leaks.afterEach(passed));
    }

    @Test
    void namesAFileThatIsLeftOpen() throws Exception {
        leaks.beforeEach(passed);
        try (InputStream file = Files.newInputStream(file())) {
            assertNamed("left.open");
            file.read();
        }
    }

    @Test
    void namesASocketThatIsLeftOpen() throws Exception {
        leaks.beforeEach(passed);
        try (ServerSocket socket = new ServerSocket(0)) {
            assertNamed("socket:");
            assertNamed(":%04X ".formatted(socket.getLocalPort()));
            assertTrue(socket.isBound());
        }
    }

    @Test
    void namesAThreadThatStillRuns() throws Exception {
        leaks.beforeEach(passed);
        CountDownLatch end = new CountDownLatch(1);
        Thread thread = new Thread(() -> assertDoesNotThrow(() -> end.await()), "still-running");
        thread.start();
        try {
            assertNamed("still-running");
        } finally {
            end.countDown();
            thread.join();
        }
    }

    private void assertNamed(String part) {
        AssertionError error = assertThrows(AssertionError.class, () -> leaks.afterEach(passed));
        assertTrue(error.getMessage().contains(part), error.getMessage());
    }

    private Path file() throws IOException {
        return Files.writeString(folder.resolve("left.open"), "bytes");
    }

    private static ExtensionContext contextOfAPassedTest() {
        return (ExtensionContext)
                Proxy.newProxyInstance(
                        LeakCheckTest.class.getClassLoader(),
                        new Class<?>[] {ExtensionContext.class},
                        (proxy, method, arguments) -> Optional.empty());
    }
}
