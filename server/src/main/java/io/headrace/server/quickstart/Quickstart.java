package io.headrace.server.quickstart;

import io.headrace.server.HeadraceServer;
import io.headrace.server.config.ServerConfig;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks a dataset into a temporary folder, serves the folder as a topic, and has a stock Kafka
 * consumer in a process of its own read it. Leaves nothing behind, also when it is interrupted.
 */
public final class Quickstart implements AutoCloseable {
    private static final String TOPIC = "wordnet";
    private static final int EPOCHS = 3;
    private static final int PARTITIONS = 4;

    private final PrintWriter out;
    private final Path folder;
    private final Thread interrupted = new Thread(this::cleanUp, "quickstart-cleanup");
    private @Nullable HeadraceServer server;
    private @Nullable Process reader;

    /**
     * Makes the temporary folder.
     *
     * @param out for progress and the table
     */
    public Quickstart(PrintWriter out) throws IOException {
        this.out = out;
        this.folder = Files.createTempDirectory("headrace-quickstart-");
        Runtime.getRuntime().addShutdownHook(interrupted);
    }

    /**
     * Runs it all.
     *
     * @return what each epoch took
     * @throws IOException if the dataset, the server or the reading process failed
     */
    public List<Epoch> run() throws IOException, InterruptedException, ExecutionException {
        Dataset dataset = Dataset.unpack(folder.resolve("objects"));
        say(
                "dataset: %s, %,d samples (lines), %.1f MB, in %s",
                Dataset.NAME, dataset.sampleCount(), dataset.bytes() / 1e6, dataset.folder());
        String uri = dataset.folder().toUri().toString();
        HeadraceServer launched = HeadraceServer.launch(config(uri));
        server = launched;
        String address = "127.0.0.1:" + launched.kafkaPort();
        say("server:  Kafka on %s", address);
        createTopic(address, uri);
        say("topic:   %s, %d partitions, over %s", TOPIC, PARTITIONS, uri);
        say("reading: %d epochs with org.apache.kafka.clients.consumer.KafkaConsumer", EPOCHS);
        return read(launched, address, dataset.sampleCount());
    }

    private ServerConfig config(String uri) {
        return ServerConfig.of(
                Map.of(
                        "listeners",
                        "PLAINTEXT://127.0.0.1:0",
                        "headrace.admin.listener",
                        "",
                        "log.dirs",
                        folder.resolve("data").toString(),
                        "headrace.store.quickstart.uri",
                        uri));
    }

    private static void createTopic(String address, String uri)
            throws InterruptedException, ExecutionException {
        NewTopic topic =
                new NewTopic(TOPIC, Optional.of(PARTITIONS), Optional.empty())
                        .configs(
                                Map.of(
                                        "headrace.storage.mode", "source",
                                        "headrace.source.uri", uri,
                                        "headrace.source.format", "lines"));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    private List<Epoch> read(HeadraceServer launched, String address, long sampleCount)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(command(address, sampleCount))
                        .redirectError(folder.resolve("reader.log").toFile())
                        .start();
        reader = process;
        List<Epoch> epochs = new ArrayList<>();
        out.println();
        out.println(Epoch.header() + StoreFigures.header());
        out.flush();
        StoreFigures before = StoreFigures.of(launched.engine().metrics());
        try (BufferedReader lines = process.inputReader();
                OutputStream next = process.getOutputStream()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (Epoch.isEncoded(line)) {
                    Epoch epoch = Epoch.decode(line);
                    StoreFigures now = StoreFigures.of(launched.engine().metrics());
                    epochs.add(epoch);
                    out.println(epoch.row() + now.since(before).row(epoch.bytes()));
                    out.flush();
                    before = now;
                    next.write('\n');
                    next.flush();
                }
            }
        }
        if (process.waitFor() != 0 || epochs.size() != EPOCHS) {
            throw new IOException(
                    "the reading process failed: status="
                            + process.exitValue()
                            + "\n"
                            + Files.readString(folder.resolve("reader.log")));
        }
        return epochs;
    }

    private static List<String> command(String address, long sampleCount) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                System.getProperty("java.class.path", "." + File.pathSeparator),
                EpochReader.class.getName(),
                address,
                TOPIC,
                Long.toString(sampleCount),
                Integer.toString(EPOCHS));
    }

    private void say(String format, Object... values) {
        out.printf(Locale.ROOT, format + "%n", values);
        out.flush();
    }

    /** Ends what it started, and deletes its folder. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(interrupted);
        } catch (IllegalStateException e) {
            return; // the JVM is ending: the hook cleans up
        }
        cleanUp();
    }

    private synchronized void cleanUp() {
        if (reader != null) {
            reader.destroyForcibly();
        }
        if (server != null) {
            server.close();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
        } catch (IOException e) {
            out.println("not deleted: " + folder + ": " + e.getMessage());
        }
    }
}
