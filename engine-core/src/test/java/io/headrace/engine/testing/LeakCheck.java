package io.headrace.engine.testing;

import io.headrace.engine.spi.MemoryStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test that leaves something behind: a thread, a file or socket held open, or off-heap
 * bytes of a store that it watches.
 *
 * <pre>{@code
 * @RegisterExtension final LeakCheck leaks = new LeakCheck();
 * }</pre>
 *
 * <p>Registered as a field, it looks before {@code @BeforeEach} and after {@code @AfterEach}, so
 * that what these open and close is covered too. Not for tests that run in parallel within one JVM.
 */
public final class LeakCheck implements BeforeEachCallback, AfterEachCallback {
    private static final long PATIENCE_MS = 10_000;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    /**
     * Threads of the JVM and of libraries that live as long as the process, whoever starts them.
     */
    private static final List<String> LASTING_THREADS =
            List.of(
                    "Common-Cleaner",
                    "ForkJoinPool.commonPool",
                    "process reaper",
                    "background~resource~releaser",
                    "Attach Listener",
                    "CompletableFutureDelayScheduler",
                    "Cleaner-",
                    "HttpClient-",
                    "Keep-Alive-",
                    "globalEventExecutor",
                    "ObjectCleanerThread",
                    "idle-connection-reaper",
                    "sdk-",
                    "response-input-stream-timeout-scheduler", // the AWS SDK's
                    "background~resource~releaser"); // Chronicle's

    private final long patienceMs;
    private final List<MemoryStore> stores = new ArrayList<>();
    private Set<Thread> threadsBefore = Set.of();
    private Set<String> filesBefore = Set.of();
    private final Set<String> lastingFiles = ConcurrentHashMap.newKeySet();

    /** Waits at most ten seconds for what ends by itself. */
    public LeakCheck() {
        this(PATIENCE_MS);
    }

    /** For what a library ends by itself only after so long. */
    public LeakCheck(long patienceMs) {
        this.patienceMs = patienceMs;
    }

    /** After the test, this store has to hold no byte under any tag; it may be closed by then. */
    public MemoryStore watch(MemoryStore store) {
        stores.add(store);
        return store;
    }

    /** Files that the test opens for the life of the process, e.g. a native library. */
    public LeakCheck allowFile(String pathPart) {
        lastingFiles.add(pathPart);
        return this;
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        openWhatTheJdkKeeps();
        threadsBefore = threads();
        filesBefore = files();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (context.getExecutionException().isPresent()) {
            return; // a failed test has its own story to tell
        }
        awaitNone("threads", () -> newThreads(threadsBefore));
        awaitNone("open files", () -> newFiles(filesBefore));
        awaitNone("off-heap bytes", this::offHeapBytes);
    }

    private void awaitNone(String what, Supplier<List<String>> left) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
        List<String> found = left.get();
        while (!found.isEmpty()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("left behind: " + what + ": " + found + sockets(found));
            }
            LockSupport.parkNanos(PAUSE_NANOS);
            found = left.get();
        }
    }

    /** The JDK keeps half of a socket pair for each of these from the first use on. */
    private static void openWhatTheJdkKeeps() {
        try {
            FileChannel.open(Path.of("/dev/null"), StandardOpenOption.WRITE).close();
            SocketChannel.open().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    private static List<String> newThreads(Set<Thread> before) {
        return threads().stream()
                .filter(thread -> !before.contains(thread))
                .map(Thread::getName)
                .filter(name -> LASTING_THREADS.stream().noneMatch(name::startsWith))
                .sorted()
                .toList();
    }

    private List<String> newFiles(Set<String> before) {
        Predicate<String> lasting = file -> lastingFiles.stream().anyMatch(file::contains);
        return files().stream()
                .filter(file -> !before.contains(file))
                .filter(lasting.negate())
                .sorted()
                .toList();
    }

    /** What the kernel says of sockets: addresses, in hexadecimal, and state. */
    private static String sockets(List<String> found) {
        StringBuilder all = new StringBuilder();
        for (String socket : found.stream().filter(each -> each.startsWith("socket:")).toList()) {
            String inode = " " + socket.replaceAll("[^0-9]", "") + " ";
            for (String table : List.of("tcp", "tcp6", "unix")) {
                try (Stream<String> lines = Files.lines(Path.of("/proc/self/net", table))) {
                    lines.map(line -> line + " ")
                            .filter(line -> line.contains(inode))
                            .forEach(line -> all.append('\n').append(table).append(line));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return all.toString();
    }

    /** What the descriptors of this process point to; jars and libraries last, and are left out. */
    private static Set<String> files() {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .map(LeakCheck::target)
                    .filter(target -> !target.endsWith(".jar") && !target.contains(".so"))
                    .filter(target -> !target.startsWith("/proc/") && !target.startsWith("/dev/"))
                    .filter(target -> !target.startsWith("/usr/lib/jvm/"))
                    .collect(Collectors.toSet());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (NoSuchFileException e) {
            return "/dev/closed-meanwhile";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<String> offHeapBytes() {
        Map<String, Long> bytes = new TreeMap<>();
        stores.forEach(
                store -> store.forEachTag((tag, count) -> bytes.merge(tag, count, Long::sum)));
        return bytes.entrySet().stream()
                .filter(entry -> entry.getValue() != 0)
                .map(Map.Entry::toString)
                .toList();
    }
}
