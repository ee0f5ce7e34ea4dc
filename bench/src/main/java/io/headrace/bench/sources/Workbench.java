package io.headrace.bench.sources;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;

/** What all parts use: options, folders, and servers of ours. */
final class Workbench {
    private static final String WARM_UP_FOLDER = "warm-up";
    private static final int WARM_UP_OBJECTS = 64;
    private static final int WARM_UP_LENGTH = 64 << 10;
    private static final int WARM_UP_THREADS = 32;
    private static final int WARM_UP_ROUNDS = 8;
    private static final int PORT = 19492;

    /** The share of the memory's budget that blocks of sources may take: a quarter. */
    private static final int CACHE_SHARE = 4;

    final Path home;
    final Path out;
    final SourcesOptions options;
    private int serverCount;

    Workbench(Path home, Path out, SourcesOptions options) {
        this.home = home;
        this.out = out;
        this.options = options;
    }

    /** An empty folder on the disk that is to be used. */
    Path emptyFolder(String name) throws IOException {
        return Folders.empty(options.dataDirectory().toAbsolutePath().resolve(name));
    }

    /** An S3 server in a folder of its own, behind a proxy as slow as the options say. */
    SlowS3 openS3() throws Exception {
        SlowS3 s3 = new SlowS3(emptyFolder("s3"), options);
        warmUp(s3);
        return s3;
    }

    /** An S3 server that has just been started takes a second for its first answers. */
    private static void warmUp(SlowS3 s3) throws Exception {
        for (int i = 0; i < WARM_UP_OBJECTS; i++) {
            s3.put(WARM_UP_FOLDER + "/" + i, new byte[WARM_UP_LENGTH]);
        }
        try (RangeReader reader = new RangeReader(s3, WARM_UP_THREADS)) {
            for (int i = 0; i < WARM_UP_ROUNDS; i++) {
                reader.read(WARM_UP_FOLDER);
            }
        }
        s3.traffic().reset();
    }

    /**
     * A fresh server of ours with an empty data folder, that may read the S3 server's bucket, and
     * has asked it for one key, as it does when it starts.
     */
    HeadraceProcess launch(SlowS3 s3, List<String> more) throws Exception {
        long requestCount = s3.traffic().requests();
        List<String> settings = new ArrayList<>();
        settings.add("headrace.admin.listener=");
        settings.add("headrace.memory.budget.bytes=" + options.scaledCacheBytes() * CACHE_SHARE);
        settings.add("headrace.cache.disk.bytes=0"); // the cache is as large as is said
        s3.storeSettings().forEach((key, value) -> settings.add("headrace.store." + key + value));
        settings.addAll(options.settings());
        settings.addAll(more);
        HeadraceProcess server =
                HeadraceProcess.start(
                        home,
                        out.resolve("headrace-" + ++serverCount + ".log"),
                        serverFolder(),
                        PORT,
                        List.of(),
                        settings);
        try {
            s3.awaitAnswer(requestCount);
            return server;
        } catch (InterruptedException | TimeoutException e) {
            server.close();
            throw e;
        }
    }

    /** A stock consumer with what the options say. */
    EpochReader reader(String bootstrapServer, String topic, int partitionCount) {
        return new EpochReader(bootstrapServer, topic, partitionCount, options.consumerSettings());
    }

    private Path serverFolder() throws IOException {
        return emptyFolder("headrace");
    }

    /** Where the last server that was launched has its data. */
    Path lastServerFolder() {
        return options.dataDirectory().toAbsolutePath().resolve("headrace");
    }
}
