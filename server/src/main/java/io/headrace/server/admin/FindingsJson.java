package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceFindings.Kind;
import java.util.ArrayList;
import java.util.List;

/** A page of {@link SourceFindings} as JSON. */
public final class FindingsJson {
    private FindingsJson() {}

    static ObjectNode of(SourceFindings page) {
        ObjectNode json = Json.object();
        ArrayNode findings = json.putArray("findings");
        page.findings().forEach(finding -> findings.add(of(finding)));
        return json.put("next", page.next());
    }

    private static ObjectNode of(Finding finding) {
        return Json.object()
                .put("kind", Json.name(finding.kind()))
                .put("key", finding.key())
                .put("partition", finding.partition())
                .put("position", finding.position())
                .put("reason", finding.reason());
    }

    /** What {@link #of(SourceFindings)} wrote. */
    public static SourceFindings read(JsonNode json) {
        List<Finding> findings = new ArrayList<>();
        json.path("findings").forEach(finding -> findings.add(readFinding(finding)));
        return new SourceFindings(findings, json.path("next").asText());
    }

    private static Finding readFinding(JsonNode json) {
        return new Finding(
                Json.constant(Kind.class, json.path("kind").asText()),
                json.path("key").asText(),
                json.path("partition").asInt(),
                json.path("position").asLong(),
                json.path("reason").asText());
    }
}
