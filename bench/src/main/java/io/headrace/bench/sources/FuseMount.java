package io.headrace.bench.sources;

import io.headrace.bench.kafkaload.ChildProcess;
import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A folder of the bucket, mounted by one of the programs that people use for that. */
final class FuseMount implements AutoCloseable {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final Duration UNMOUNT_PATIENCE = Duration.ofSeconds(20);

    private final Path point;
    private final ChildProcess process;

    private FuseMount(Path point, ChildProcess process) {
        this.point = point;
        this.process = process;
    }

    /** By rclone; its cache is in a folder of its own, if it has one. */
    static FuseMount rclone(Workbench bench, SlowS3 s3, String folder, String cacheMode)
            throws Exception {
        Path point = bench.emptyFolder("mount");
        List<String> command =
                List.of(
                        // Debian's rclone does not start with it, and this is plain HTTP
                        "env",
                        "-u",
                        "AWS_CA_BUNDLE",
                        "rclone",
                        "mount",
                        ":s3:" + S3Server.BUCKET + "/" + folder,
                        point.toString(),
                        "--config=",
                        "--s3-provider=Other",
                        "--s3-endpoint=" + s3.endpoint(),
                        "--s3-access-key-id=" + S3Server.ACCESS_KEY,
                        "--s3-secret-access-key=" + S3Server.SECRET_KEY,
                        "--s3-force-path-style=true",
                        "--read-only",
                        "--no-modtime",
                        "--dir-cache-time=1h",
                        "--vfs-cache-mode=" + cacheMode,
                        "--cache-dir=" + bench.emptyFolder("mount-cache"));
        return mount(bench, "rclone-" + cacheMode, point, command);
    }

    /** By s3fs, with or without its cache on disk. */
    static FuseMount s3fs(Workbench bench, SlowS3 s3, String folder, boolean isCached)
            throws Exception {
        Path point = bench.emptyFolder("mount");
        Path secrets = bench.emptyFolder("mount-secrets").resolve("passwd");
        Files.createFile(
                secrets,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(secrets, S3Server.ACCESS_KEY + ":" + S3Server.SECRET_KEY);
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "s3fs",
                                S3Server.BUCKET + ":/" + folder,
                                point.toString(),
                                "-f",
                                "-o",
                                "ro,use_path_request_style,url="
                                        + s3.endpoint()
                                        + ",passwd_file="
                                        + secrets));
        if (isCached) {
            command.addAll(List.of("-o", "use_cache=" + bench.emptyFolder("mount-cache")));
        }
        return mount(bench, "s3fs-" + (isCached ? "cached" : "plain"), point, command);
    }

    private static FuseMount mount(Workbench bench, String name, Path point, List<String> command)
            throws Exception {
        ChildProcess process = ChildProcess.start(name, bench.out.resolve(name + ".log"), command);
        FuseMount mount = new FuseMount(point, process);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!mount.isMounted()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                mount.close();
                throw process.failure("does not mount");
            }
            Thread.sleep(20);
        }
        return mount;
    }

    private boolean isMounted() throws IOException {
        return Files.readString(Path.of("/proc/mounts")).contains(" " + point + " ");
    }

    Path point() {
        return point;
    }

    @Override
    public void close() throws IOException {
        if (isMounted()) {
            unmount();
        }
        process.close();
    }

    private void unmount() throws IOException {
        try {
            ChildProcess.start(
                            "fusermount",
                            point.resolveSibling("fusermount.log"),
                            List.of("fusermount", "-u", "-z", point.toString()))
                    .output(UNMOUNT_PATIENCE);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }
}
