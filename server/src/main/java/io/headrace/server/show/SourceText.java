package io.headrace.server.show;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.engine.SourceStatus.Reader;
import io.headrace.server.admin.StatusJson;
import java.io.PrintWriter;

/** The status of a source, for a person. */
public final class SourceText {
    private static final long NANOS_PER_MS = 1_000_000;

    private SourceText() {}

    /** All of it, partition by partition. */
    public static void print(SourceStatus status, String uri, String format, PrintWriter out) {
        line(out, "topic", status.topicName());
        line(out, "uri", Printable.of(uri));
        line(out, "format", Printable.of(format));
        line(out, "listing", listing(status));
        line(out, "index", index(status));
        problems(status, out);
        if (!status.failure().isEmpty()) {
            line(out, "failure", Printable.of(status.failure()));
        }
        out.println();
        partitions(status).print(out);
        if (!status.readers().isEmpty()) {
            out.println();
            readers(status).print(out);
        }
    }

    /** A line for each kind of data that is not in the topic, or for there being none at all. */
    public static void problems(SourceStatus status, PrintWriter out) {
        problem(
                out,
                status.badObjectCount(),
                "bad",
                "object",
                "not as the format says, or changed");
        problem(out, status.leftOutCount(), "left out", "sample", "longer than a record may be");
        problem(out, status.orphanCount(), "orphans", "object", "without the other parts");
        if (status.listing() == Listing.DONE && status.objectCount() == 0) {
            line(out, "warning", "no object was found");
        } else if (status.isComplete() && status.recordCount() == 0) {
            line(out, "warning", "no record is in what was found");
        }
    }

    /** A row about a source, as the admin listener's list has it. */
    public static void row(JsonNode source, Table table) {
        table.row(
                source.path("topic").asText(),
                Units.count(source.path("objectCount").asLong()),
                Units.bytes(source.path("objectBytes").asLong()),
                Units.count(source.path("recordCount").asLong()),
                rowState(source),
                Printable.of(source.path("uri").asText()));
    }

    private static String rowState(JsonNode source) {
        if (!source.path("failure").asText().isEmpty()
                || source.path("failedPartitionCount").asInt() > 0) {
            return "stopped";
        }
        if (source.path("complete").asBoolean()) {
            return "complete";
        }
        return source.path("indexing").asBoolean() ? "indexing" : "as it is read";
    }

    private static void line(PrintWriter out, String name, String value) {
        out.println("%-9s  %s".formatted(name, value));
    }

    private static void problem(
            PrintWriter out, long count, String name, String noun, String meaning) {
        if (count > 0) {
            line(
                    out,
                    name,
                    Units.count(count, noun) + " " + meaning + " (status --findings names them)");
        }
    }

    /** What the listing does and what it found. */
    public static String listing(SourceStatus status) {
        String found = found(status);
        String generation =
                status.generation() == 0 ? "" : " in generations 0 to " + status.generation();
        return switch (status.listing()) {
            case NOT_BEGUN ->
                    status.objectCount() == 0
                            ? "not begun: it begins when somebody reads the topic or asks for it"
                            : found + generation;
            case RUNNING -> found + generation + " so far, going on";
            case DONE -> found + generation;
            case FAILED -> found + generation + ", then it failed; the next use tries again";
        };
    }

    private static String found(SourceStatus status) {
        return Units.count(status.objectCount(), "object")
                + ", "
                + Units.bytes(status.objectBytes());
    }

    /** How far the index is, in one line. */
    public static String index(SourceStatus status) {
        String records = Units.count(status.recordCount(), "record");
        if (status.isComplete()) {
            return "complete: " + records;
        }
        String share =
                status.objectCount() == 0
                        ? "nothing yet"
                        : Units.percent(IndexProgress.share(status))
                                + ": "
                                + Units.count(StatusJson.indexedObjectCount(status))
                                + " of "
                                + Units.count(status.objectCount(), "object")
                                + ", "
                                + records;
        return share + ", " + progress(status);
    }

    private static String progress(SourceStatus status) {
        long stopped = StatusJson.failedPartitionCount(status);
        if (stopped > 0) {
            return "stopped in " + stopped + " of " + status.partitions().size() + " partitions";
        }
        return status.isIndexing() ? "going on" : "grows while it is read";
    }

    private static Table partitions(SourceStatus status) {
        Table table =
                new Table("rrrrrl", "partition", "objects", "indexed", "bytes", "records", "state");
        for (Partition partition : status.partitions()) {
            table.row(
                    Integer.toString(partition.partition()),
                    Units.count(partition.objectCount()),
                    Units.count(partition.indexedObjectCount()),
                    Units.bytes(partition.indexedBytes()),
                    Units.count(partition.endOffset()),
                    state(status, partition));
        }
        return table;
    }

    private static Table readers(SourceStatus status) {
        Table table = new Table("lr", "consumer", "waited");
        for (Reader reader : status.readers()) {
            table.row(reader.name(), Units.duration(reader.waitNanos() / NANOS_PER_MS));
        }
        return table;
    }

    private static String state(SourceStatus status, Partition partition) {
        if (!partition.failure().isEmpty()) {
            return "stopped: " + Printable.of(partition.failure());
        }
        if (partition.isComplete()) {
            return "complete";
        }
        if (partition.indexedObjectCount() == partition.objectCount()) {
            return status.listing() == Listing.RUNNING ? "waits for the listing" : "waits";
        }
        return status.isIndexing() ? "indexing" : "indexed as it is read";
    }
}
