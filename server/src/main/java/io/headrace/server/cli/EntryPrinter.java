package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.log.TopicNames;
import io.headrace.engine.segment.SegmentRun;
import io.headrace.engine.segment.SegmentScan;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.server.admin.Json;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;

/** Prints the entries of journals, and the batches of segments. For one thread. */
final class EntryPrinter {
    /** Takes entries and does nothing with them. */
    static final JournalScan.Handler NONE =
            (position, type, topicId, partition, baseOffset, epoch, appendTimeMs, payload) -> {};

    private final PrintWriter out;
    private final TopicNames names;
    private final boolean isJson;

    /** Which entries are wanted. */
    interface Filter {
        boolean wants(long topicId, String topicName, int partition);
    }

    EntryPrinter(PrintWriter out, TopicNames names, boolean isJson) {
        this.out = out;
        this.names = names;
        this.isJson = isJson;
    }

    /** Prints what is wanted of one journal, and every damage. */
    JournalScan.Handler of(String journal, Filter filter) {
        return new JournalScan.Handler() {
            @Override
            public void onEntry(
                    long position,
                    EntryType type,
                    long topicId,
                    int partition,
                    long baseOffset,
                    int leaderEpoch,
                    long appendTimeMs,
                    ByteBuffer payload) {
                if (filter.wants(topicId, names.of(topicId), partition)) {
                    ObjectNode entry = head(journal, position, type.name(), topicId);
                    entry.put("partition", partition).put("baseOffset", baseOffset);
                    if (type == EntryType.BATCH) {
                        entry.put("records", RecordBatch.recordCount(payload, payload.position()));
                        entry.put("appended", Instant.ofEpochMilli(appendTimeMs).toString());
                    }
                    entry.put("leaderEpoch", leaderEpoch).put("bytes", payload.remaining());
                    print(entry);
                }
            }

            @Override
            public void onDamage(Damage damage) {
                print(
                        Json.object()
                                .put("journal", journal)
                                .put("cycle", damage.cycle())
                                .put("offset", damage.fromOffset())
                                .put("type", "damaged")
                                .put("bytes", damage.length())
                                .put("reason", damage.reason().replace(' ', '_'))
                                .put("file", damage.path().toString()));
            }
        };
    }

    /** Prints the wanted batches of segments, and every damage. */
    SegmentScan.Handler ofSegments(Filter filter) {
        return new SegmentScan.Handler() {
            @Override
            public void onBatch(
                    int journal, int segment, SegmentRun run, long offset, ByteBuffer batch) {
                if (filter.wants(run.topicId(), run.topicName(), run.partition())) {
                    int at = batch.position();
                    print(
                            segmentHead(journal, segment, offset, "batch")
                                    .put("topic", run.topicName())
                                    .put("topicId", run.topicId())
                                    .put("partition", run.partition())
                                    .put("baseOffset", RecordBatch.baseOffset(batch, at))
                                    .put("records", RecordBatch.recordCount(batch, at))
                                    .put("leaderEpoch", RecordBatch.leaderEpoch(batch, at))
                                    .put("bytes", batch.remaining()));
                }
            }

            @Override
            public void onDamage(int journal, int segment, SegmentScan.Damage damage) {
                print(
                        segmentHead(journal, segment, damage.offset(), "damaged")
                                .put("bytes", damage.length())
                                .put("reason", damage.reason().replace(' ', '_'))
                                .put("file", damage.path().toString()));
            }
        };
    }

    private static ObjectNode segmentHead(int journal, int segment, long offset, String type) {
        return Json.object()
                .put("journal", SegmentReport.journal(journal))
                .put("segment", segment)
                .put("offset", offset)
                .put("type", type);
    }

    private ObjectNode head(String journal, long position, String type, long topicId) {
        ObjectNode entry =
                Json.object()
                        .put("journal", journal)
                        .put("cycle", Journal.cycle(position))
                        .put("offset", Journal.fileOffset(position))
                        .put("type", type.toLowerCase(Locale.ROOT));
        String name = names.of(topicId);
        if (!name.isEmpty()) {
            entry.put("topic", name);
        }
        return entry.put("topicId", topicId);
    }

    /** One line, {@code journal cycle=… offset=… type key=value …}; or an object. */
    private void print(ObjectNode entry) {
        if (isJson) {
            out.print(Json.text(entry));
            return;
        }
        StringBuilder line = new StringBuilder();
        for (Map.Entry<String, JsonNode> field : entry.properties()) {
            String key = field.getKey();
            boolean isBare = key.equals("journal") || key.equals("type");
            line.append(line.isEmpty() ? "" : " ");
            line.append(isBare ? "" : key + "=").append(field.getValue().asText());
        }
        out.println(line);
    }
}
