package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.journal.JournalLosses.Gaps;
import io.headrace.engine.journal.JournalLosses.Loss;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.log.TopicNames;
import io.headrace.engine.spi.EntryType;
import io.headrace.server.admin.Json;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Says what is wrong with a journal: with its files, and with what was in them. */
final class CycleReport {
    private final String journal;
    private final TopicNames names;

    CycleReport(String journal, TopicNames names) {
        this.journal = journal;
        this.names = names;
    }

    void print(ScannedCycle cycle, PrintWriter out) {
        String why = cycle.reason().isEmpty() ? "" : "  (" + cycle.reason() + ")";
        String cut =
                cycle.cutOutBytes() == 0
                        ? ""
                        : ", " + cycle.cutOutBytes() + " bytes cut out by a repair";
        out.println(
                "%s cycle %d: %d entries, %d bytes, %s%s%s"
                        .formatted(
                                journal,
                                cycle.cycle(),
                                cycle.entryCount(),
                                cycle.payloadBytes(),
                                state(cycle),
                                cut,
                                why));
        cycle.damages().forEach(damage -> out.println("  " + line(damage)));
    }

    private static String state(ScannedCycle cycle) {
        return cycle.state().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    static String line(Damage damage) {
        return "damaged: file=%s offset=%d bytes=%d reason=%s"
                .formatted(
                        damage.path(),
                        damage.fromOffset(),
                        damage.length(),
                        damage.reason().replace(' ', '_'));
    }

    void print(List<Loss> losses, PrintWriter out) {
        losses.forEach(loss -> out.println(journal + " lost: " + line(loss)));
    }

    private String line(Loss loss) {
        if (loss.type() != EntryType.BATCH) {
            return "entry=%s topic=%s topicId=%d partition=%d"
                    .formatted(
                            loss.type().name().toLowerCase(Locale.ROOT),
                            name(loss),
                            loss.topicId(),
                            loss.partition());
        }
        return "topic=%s topicId=%d partition=%d offsets=%d-%s%s"
                .formatted(
                        name(loss),
                        loss.topicId(),
                        loss.partition(),
                        loss.fromOffset(),
                        loss.toOffset() < 0 ? "unknown" : Long.toString(loss.toOffset() - 1),
                        atMost(loss.gaps()));
    }

    private static String atMost(Gaps gaps) {
        if (!gaps.any()) {
            return "";
        }
        String where = gaps.before() && gaps.behind() ? "before and behind" : side(gaps);
        return " at most, files " + where + " the damage are gone";
    }

    private static String side(Gaps gaps) {
        return gaps.before() ? "before" : "behind";
    }

    private String name(Loss loss) {
        String name = names.of(loss.topicId());
        return name.isEmpty() ? "unknown" : name;
    }

    ObjectNode json(ScannedCycle cycle) {
        ObjectNode json =
                Json.object()
                        .put("journal", journal)
                        .put("cycle", cycle.cycle())
                        .put("file", cycle.path().toString())
                        .put("state", state(cycle))
                        .put("entries", cycle.entryCount())
                        .put("bytes", cycle.payloadBytes())
                        .put("endPosition", cycle.endPosition())
                        .put("cutOutBytes", cycle.cutOutBytes());
        if (!cycle.reason().isEmpty()) {
            json.put("reason", cycle.reason());
        }
        ArrayNode damages = json.putArray("damaged");
        for (Damage damage : cycle.damages()) {
            damages.addObject()
                    .put("offset", damage.fromOffset())
                    .put("bytes", damage.length())
                    .put("reason", damage.reason());
        }
        return json;
    }

    List<ObjectNode> json(List<Loss> losses) {
        return losses.stream().map(this::json).toList();
    }

    private ObjectNode json(Loss loss) {
        ObjectNode json =
                Json.object()
                        .put("journal", journal)
                        .put("lost", loss.type().name().toLowerCase(Locale.ROOT))
                        .put("topic", names.of(loss.topicId()))
                        .put("topicId", loss.topicId())
                        .put("partition", loss.partition());
        if (loss.type() == EntryType.BATCH) {
            json.put("fromOffset", loss.fromOffset());
            json.put("toOffset", loss.toOffset());
            json.put("atMost", loss.gaps().any());
        }
        return json;
    }
}
