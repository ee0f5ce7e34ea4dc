package io.headrace.bench.sources;

import io.headrace.testing.s3.S3Server;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Object;

/** Reads a folder of a bucket as fast as it can: ranges of 8 MiB by so many threads, to nowhere. */
final class RangeReader implements AutoCloseable {
    private static final long RANGE_LENGTH = 8 << 20;
    private static final int BUFFER_LENGTH = 256 << 10;

    private final int threadCount;
    private final S3Client client;

    RangeReader(SlowS3 s3, int threadCount) {
        this.threadCount = threadCount;
        this.client =
                S3Client.builder()
                        .endpointOverride(s3.endpoint())
                        .region(Region.US_EAST_1)
                        .forcePathStyle(true)
                        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                        .credentialsProvider(
                                StaticCredentialsProvider.create(
                                        AwsBasicCredentials.create(
                                                S3Server.ACCESS_KEY, S3Server.SECRET_KEY)))
                        .httpClientBuilder(Apache5HttpClient.builder().maxConnections(threadCount))
                        .build();
    }

    /** A piece of an object. */
    private record Range(String key, long begin, long end) {}

    /** Bytes that were read, of all objects in the folder. */
    long read(String folder) throws Exception {
        Queue<Range> ranges = new ConcurrentLinkedQueue<>(ranges(folder));
        ExecutorService threads = Executors.newFixedThreadPool(threadCount);
        try {
            List<Future<Long>> readers = new ArrayList<>();
            for (int i = 0; i < threadCount; i++) {
                readers.add(threads.submit(() -> readAll(ranges)));
            }
            long bytes = 0;
            for (Future<Long> reader : readers) {
                bytes += reader.get();
            }
            return bytes;
        } finally {
            threads.shutdownNow();
        }
    }

    private Queue<Range> ranges(String folder) {
        Queue<Range> ranges = new ArrayDeque<>();
        for (S3Object object :
                client.listObjectsV2Paginator(
                                list -> list.bucket(S3Server.BUCKET).prefix(folder + "/"))
                        .contents()) {
            for (long at = 0; at < object.size(); at += RANGE_LENGTH) {
                ranges.add(new Range(object.key(), at, Math.min(object.size(), at + RANGE_LENGTH)));
            }
        }
        return ranges;
    }

    private long readAll(Queue<Range> ranges) throws Exception {
        byte[] buffer = new byte[BUFFER_LENGTH];
        long bytes = 0;
        @Nullable Range range;
        while ((range = ranges.poll()) != null) {
            try (InputStream body = client.getObject(request(range))) {
                int read;
                while ((read = body.read(buffer)) >= 0) {
                    bytes += read;
                }
            }
        }
        return bytes;
    }

    private static GetObjectRequest request(Range range) {
        return GetObjectRequest.builder()
                .bucket(S3Server.BUCKET)
                .key(range.key())
                .range("bytes=" + range.begin() + "-" + (range.end() - 1))
                .build();
    }

    @Override
    public void close() {
        client.close();
    }
}
