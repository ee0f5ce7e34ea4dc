package io.headrace.server.admin;

import io.headrace.engine.SourceStatus;
import io.headrace.engine.Sources;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.ObjLongConsumer;

/**
 * How far the sources in use are indexed, a few series for each of at most {@value
 * #SOURCE_COUNT_MAX}: there may be any number of topics, and Prometheus keeps every series for
 * weeks. A source whose status does not come in time is left out of that scrape.
 */
public final class SourceMetrics implements MetricSource {
    static final int SOURCE_COUNT_MAX = 100;

    /** For all of them together; a status takes some reads of the metadata store. */
    private static final long DEADLINE_MS = 500;

    private final Sources sources;

    /**
     * @param sources the engine's
     */
    public SourceMetrics(Sources sources) {
        this.sources = sources;
    }

    @Override
    public void forEach(ObjLongConsumer<String> consumer) {
        List<CompletableFuture<SourceStatus>> statuses =
                sources.inUse(SOURCE_COUNT_MAX).stream().map(sources::status).toList();
        await(statuses);
        for (CompletableFuture<SourceStatus> status : statuses) {
            if (status.isDone() && !status.isCompletedExceptionally()) {
                write(status.join(), consumer);
            }
        }
    }

    private static void await(List<CompletableFuture<SourceStatus>> statuses) {
        try {
            CompletableFuture.allOf(statuses.toArray(CompletableFuture<?>[]::new))
                    .get(DEADLINE_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // those that answered are written
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void write(SourceStatus status, ObjLongConsumer<String> consumer) {
        String label = "{topic=\"" + status.topicName() + "\"}"; // a name holds no quote
        consumer.accept("headrace_source_objects" + label, status.objectCount());
        consumer.accept("headrace_source_object_bytes" + label, status.objectBytes());
        consumer.accept(
                "headrace_source_indexed_objects" + label, StatusJson.indexedObjectCount(status));
        consumer.accept("headrace_source_indexed_bytes" + label, StatusJson.indexedBytes(status));
        consumer.accept("headrace_source_indexed_records" + label, status.recordCount());
        consumer.accept("headrace_source_complete" + label, status.isComplete() ? 1 : 0);
        consumer.accept("headrace_source_indexing" + label, status.isIndexing() ? 1 : 0);
        consumer.accept("headrace_source_failed" + label, isFailed(status) ? 1 : 0);
        consumer.accept("headrace_source_bad_objects" + label, status.badObjectCount());
        consumer.accept("headrace_source_left_out" + label, status.leftOutCount());
        consumer.accept("headrace_source_orphans" + label, status.orphanCount());
    }

    private static boolean isFailed(SourceStatus status) {
        return !status.failure().isEmpty() || StatusJson.failedPartitionCount(status) > 0;
    }
}
