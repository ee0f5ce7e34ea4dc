package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.source.SourceBlocks;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** What views need of the engine. Thread-safe; nothing here blocks. */
public interface ViewSources {
    /** The topic of that name, or null. */
    @Nullable Topic topic(String name);

    /** The topic of that id, or null. */
    @Nullable Topic topic(long topicId);

    /** The log of a partition of any topic, as its readers see it; null if it is gone. */
    @Nullable PartitionLog log(Topic topic, int partition);

    /** The log of a lane's references; null if it is gone. */
    @Nullable PartitionLog references(Topic view, int lane);

    /** How far a union is. */
    CompletableFuture<Views.UnionStatus> unionStatus(Topic union);

    /** Runs what views do, one task after the other, never blocked by any of them. */
    Executor dispatcher();

    /** Runs a task of theirs after a while. */
    void later(Runnable task, long ms);

    /** Runs what blocks for the disk. */
    Executor reader();

    /** Looks into batches; null if nothing here can. */
    @Nullable RecordFilter recordFilter();

    /** Makes records of views that have them in an order of their own. */
    Executor assembler();

    /** Blocks of sources. */
    SourceBlocks sourceBlocks();

    /** Bytes that may be kept of what was made for readers of such views. */
    long stretchesLengthMax();

    /** Sets configs of a topic, durably. */
    CompletableFuture<?> alter(long topicId, Map<String, @Nullable String> configs);

    /** Bytes that may be kept of what was loaded to be handed out. */
    long loadedLengthMax();

    /** Milliseconds since 1970. */
    long nowMs();

    /** The same as far as retention may go by it: a clock that was set forward deletes nothing. */
    long retentionNowMs();

    /** Milliseconds by a clock that cannot be set. */
    long elapsedMs();
}
