package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import io.headrace.testing.s3.Operation;
import io.headrace.testing.s3.S3Server;
import java.util.ArrayList;
import java.util.List;

/**
 * Three epochs of several worker processes: through Headrace, from S3 directly, and through mounts
 * by rclone and s3fs. Each begins with nothing cached.
 */
final class MountsPart implements Part {
    private static final String FOLDER = "loader";
    private static final int EPOCHS = 3;
    private static final int OBJECT_LENGTH = 256 << 10;
    private static final double SHARE_OF_CACHE = 0.5;

    /** What the workers read through, for as long as they read. */
    @FunctionalInterface
    private interface Way {
        Workers.Result read(Workers workers) throws Exception;
    }

    /** A way, by the name that the table has for it. */
    private record Named(String name, Way way) {}

    @Override
    public Table measure(Workbench bench) throws Exception {
        Table table =
                new Table(
                        "Three epochs of " + bench.options.workers() + " worker processes",
                        "Python, objects of 256 KiB, every worker its share, one object at a time;"
                            + " nothing cached at the beginning. The kernel's page cache is part of"
                            + " a mount, and on.",
                        "through",
                        "seconds",
                        "GETs",
                        "bytes from S3, of dataset",
                        "Headrace's seconds ÷ these");
        try (SlowS3 s3 = bench.openS3()) {
            long length = (long) (bench.options.scaledCacheBytes() * SHARE_OF_CACHE);
            int count = (int) Math.max(bench.options.workers(), length / OBJECT_LENGTH);
            Dataset dataset = Dataset.files(s3, FOLDER, count, OBJECT_LENGTH);
            Workers workers = new Workers(bench, EPOCHS);
            List<Workers.Result> results = new ArrayList<>();
            for (Named named : ways(bench, s3, dataset)) {
                s3.traffic().reset();
                Workers.Result result = named.way().read(workers);
                results.add(result);
                requireSame(results.get(0), result, named.name());
                table.row(
                        named.name(),
                        "%.1f".formatted(result.seconds()),
                        "%,d".formatted(s3.traffic().requests(Operation.GET_OBJECT)),
                        "%.3f".formatted((double) s3.traffic().objectBytes() / dataset.length()),
                        "%.2f".formatted(results.get(0).seconds() / result.seconds()));
            }
            table.remark("Dataset %,d bytes in %,d objects.", dataset.length(), count);
        }
        return table;
    }

    private static List<Named> ways(Workbench bench, SlowS3 s3, Dataset dataset) {
        return List.of(
                new Named("Headrace", workers -> throughHeadrace(bench, s3, dataset, workers)),
                new Named("S3 directly", workers -> directly(s3, workers)),
                new Named("rclone mount", workers -> mounted(rclone(bench, s3, "off"), workers)),
                new Named(
                        "rclone mount, vfs-cache-mode full",
                        workers -> mounted(rclone(bench, s3, "full"), workers)),
                new Named("s3fs", workers -> mounted(s3fs(bench, s3, false), workers)),
                new Named("s3fs, use_cache", workers -> mounted(s3fs(bench, s3, true), workers)));
    }

    private static void requireSame(Workers.Result first, Workers.Result other, String name) {
        if (first.bytes() != other.bytes() || first.check() != other.check()) {
            throw new IllegalStateException("other bytes: through=" + name + " " + other);
        }
    }

    private static Workers.Result throughHeadrace(
            Workbench bench, SlowS3 s3, Dataset dataset, Workers workers) throws Exception {
        try (HeadraceProcess server = bench.launch(s3, List.of())) {
            Topics.create(server.bootstrapServer(), dataset, bench.options.workers());
            return workers.run(
                    "headrace",
                    List.of(
                            "kafka",
                            server.bootstrapServer(),
                            FOLDER,
                            Long.toString(dataset.recordCount())));
        }
    }

    private static Workers.Result directly(SlowS3 s3, Workers workers) throws Exception {
        return workers.run(
                "s3",
                List.of(
                        "s3",
                        s3.endpoint().toString(),
                        S3Server.BUCKET,
                        FOLDER,
                        S3Server.ACCESS_KEY,
                        S3Server.SECRET_KEY));
    }

    private static FuseMount rclone(Workbench bench, SlowS3 s3, String cacheMode) throws Exception {
        return FuseMount.rclone(bench, s3, FOLDER, cacheMode);
    }

    private static FuseMount s3fs(Workbench bench, SlowS3 s3, boolean isCached) throws Exception {
        return FuseMount.s3fs(bench, s3, FOLDER, isCached);
    }

    private static Workers.Result mounted(FuseMount opened, Workers workers) throws Exception {
        try (FuseMount mount = opened) {
            return workers.run("mount", List.of("files", mount.point().toString()));
        }
    }
}
