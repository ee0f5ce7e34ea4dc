package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.segment.SegmentRun;
import io.headrace.engine.segment.SegmentScan.Damage;
import io.headrace.engine.segment.SegmentScan.ScannedSegment;
import io.headrace.server.admin.Json;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Says what is wrong with segments, and with what was in them. */
final class SegmentReport {
    private SegmentReport() {}

    static String journal(int journal) {
        return "data-" + journal;
    }

    static void print(ScannedSegment scanned, PrintWriter out) {
        out.println(
                "%s segment %d: %d batches, %d bytes, %s"
                        .formatted(
                                journal(scanned.journal()),
                                scanned.segment(),
                                scanned.batchCount(),
                                scanned.length(),
                                state(scanned)));
        for (Damage damage : scanned.damages()) {
            out.println(
                    "  damaged: file=%s offset=%d bytes=%d reason=%s"
                            .formatted(
                                    damage.path(),
                                    damage.offset(),
                                    damage.length(),
                                    damage.reason().replace(' ', '_')));
            out.println("  lost: " + lost(damage));
        }
    }

    private static String state(ScannedSegment scanned) {
        return scanned.damages().isEmpty() ? "sound" : "damaged";
    }

    private static String lost(Damage damage) {
        SegmentRun run = damage.run();
        if (run == null) {
            return "nothing, or everything in this file: what says so is damaged itself";
        }
        return "topic=%s topicId=%d partition=%d offsets=%d-%d"
                .formatted(
                        run.topicName(),
                        run.topicId(),
                        run.partition(),
                        damage.fromOffset(),
                        damage.toOffset() - 1);
    }

    /** The segment, and behind it what is lost. */
    static List<ObjectNode> json(ScannedSegment scanned) {
        List<ObjectNode> all = new ArrayList<>();
        ObjectNode json =
                Json.object()
                        .put("journal", journal(scanned.journal()))
                        .put("segment", scanned.segment())
                        .put("file", scanned.path().toString())
                        .put("state", state(scanned))
                        .put("batches", scanned.batchCount())
                        .put("bytes", scanned.length());
        all.add(json);
        ArrayNode damages = json.putArray("damaged");
        for (Damage damage : scanned.damages()) {
            damages.addObject()
                    .put("offset", damage.offset())
                    .put("bytes", damage.length())
                    .put("reason", damage.reason());
            SegmentRun run = damage.run();
            if (run != null) {
                all.add(
                        Json.object()
                                .put("journal", journal(scanned.journal()))
                                .put("lost", "batch")
                                .put("topic", run.topicName())
                                .put("topicId", run.topicId())
                                .put("partition", run.partition())
                                .put("fromOffset", damage.fromOffset())
                                .put("toOffset", damage.toOffset()));
            }
        }
        return all;
    }
}
