package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.engine.SourceStatus.Reader;
import java.util.ArrayList;
import java.util.List;

/** A {@link SourceStatus} as JSON. What is named here is read by clients in other languages. */
public final class StatusJson {
    private StatusJson() {}

    /** All of it. */
    static ObjectNode of(SourceStatus status) {
        ObjectNode json = summary(status);
        ArrayNode endOffsets = json.putArray("endOffsets");
        status.partitions().forEach(partition -> endOffsets.add(partition.endOffset()));
        ArrayNode partitions = json.putArray("partitions");
        status.partitions().forEach(partition -> partitions.add(of(partition)));
        ArrayNode readers = json.putArray("readers");
        status.readers()
                .forEach(
                        reader ->
                                readers.addObject()
                                        .put("name", reader.name())
                                        .put("waitNanos", reader.waitNanos()));
        return json;
    }

    /** What is to be said about all partitions together. */
    static ObjectNode summary(SourceStatus status) {
        return Json.object()
                .put("topic", status.topicName())
                .put("topicId", status.topicId())
                .put("complete", status.isComplete())
                .put("indexing", status.isIndexing())
                .put("listing", Json.name(status.listing()))
                .put("listed", status.isListed())
                .put("generation", status.generation())
                .put("objectCount", status.objectCount())
                .put("objectBytes", status.objectBytes())
                .put("indexedObjectCount", indexedObjectCount(status))
                .put("indexedBytes", indexedBytes(status))
                .put("recordCount", status.recordCount())
                .put("badObjectCount", status.badObjectCount())
                .put("leftOutCount", status.leftOutCount())
                .put("orphanCount", status.orphanCount())
                .put("failure", status.failure())
                .put("partitionCount", status.partitions().size())
                .put("failedPartitionCount", failedPartitionCount(status));
    }

    private static ObjectNode of(Partition partition) {
        return Json.object()
                .put("partition", partition.partition())
                .put("objectCount", partition.objectCount())
                .put("indexedObjectCount", partition.indexedObjectCount())
                .put("indexedBytes", partition.indexedBytes())
                .put("endOffset", partition.endOffset())
                .put("complete", partition.isComplete())
                .put("failure", partition.failure());
    }

    /** Objects that are indexed to their end, in all partitions. */
    public static long indexedObjectCount(SourceStatus status) {
        return status.partitions().stream().mapToLong(Partition::indexedObjectCount).sum();
    }

    /** Bytes that are indexed, after decompression, in all partitions. */
    public static long indexedBytes(SourceStatus status) {
        return status.partitions().stream().mapToLong(Partition::indexedBytes).sum();
    }

    /** Partitions that are not indexed further. */
    public static long failedPartitionCount(SourceStatus status) {
        return status.partitions().stream().filter(p -> !p.failure().isEmpty()).count();
    }

    /** What {@link #of(SourceStatus)} wrote. */
    public static SourceStatus read(JsonNode json) {
        List<Partition> partitions = new ArrayList<>();
        json.path("partitions").forEach(partition -> partitions.add(readPartition(partition)));
        List<Reader> readers = new ArrayList<>();
        json.path("readers")
                .forEach(
                        reader ->
                                readers.add(
                                        new Reader(
                                                reader.path("name").asText(),
                                                reader.path("waitNanos").asLong())));
        return new SourceStatus(
                json.path("topicId").asLong(),
                json.path("topic").asText(),
                Json.constant(Listing.class, json.path("listing").asText()),
                json.path("generation").asInt(),
                json.path("listed").asBoolean(),
                json.path("objectCount").asLong(),
                json.path("objectBytes").asLong(),
                json.path("indexing").asBoolean(),
                json.path("badObjectCount").asLong(),
                json.path("leftOutCount").asLong(),
                json.path("orphanCount").asLong(),
                json.path("failure").asText(),
                partitions,
                readers);
    }

    private static Partition readPartition(JsonNode json) {
        return new Partition(
                json.path("partition").asInt(),
                json.path("objectCount").asLong(),
                json.path("indexedObjectCount").asLong(),
                json.path("indexedBytes").asLong(),
                json.path("endOffset").asLong(),
                json.path("complete").asBoolean(),
                json.path("failure").asText());
    }
}
