package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.Sources.CheckedPart;
import io.headrace.engine.Sources.CheckedSample;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A {@link SourceCheck} as JSON; the beginning of each part in base64. */
public final class CheckJson {
    private CheckJson() {}

    static ObjectNode of(SourceCheck check) {
        ObjectNode json =
                Json.object()
                        .put("format", check.format())
                        .put("compression", check.compression())
                        .put("objectCount", check.objectCount())
                        .put("objectBytes", check.objectBytes())
                        .put("whole", check.isWhole())
                        .put("recordCountEstimate", check.recordCountEstimate())
                        .put("bytesPerSecond", check.bytesPerSecond())
                        .put("requestMs", check.requestMs())
                        .put("indexMsEstimate", check.indexMsEstimate())
                        .put("readCountEstimate", check.readCountEstimate());
        ArrayNode samples = json.putArray("samples");
        check.samples().forEach(sample -> samples.add(of(sample)));
        ArrayNode remarks = json.putArray("remarks");
        check.remarks().forEach(remarks::add);
        return json;
    }

    private static ObjectNode of(CheckedSample sample) {
        ObjectNode json =
                Json.object()
                        .put("key", sample.key())
                        .put("object", sample.objectKey())
                        .put("position", sample.position());
        ArrayNode parts = json.putArray("parts");
        sample.parts().forEach(part -> parts.add(of(part)));
        return json;
    }

    private static ObjectNode of(CheckedPart part) {
        return Json.object()
                .put("name", part.name())
                .put("length", part.length())
                .put("head", part.head());
    }

    /**
     * What {@link #of(SourceCheck)} wrote.
     *
     * @throws IOException if the beginning of a part is no base64
     */
    public static SourceCheck read(JsonNode json) throws IOException {
        List<CheckedSample> samples = new ArrayList<>();
        for (JsonNode sample : json.path("samples")) {
            samples.add(readSample(sample));
        }
        List<String> remarks = new ArrayList<>();
        json.path("remarks").forEach(remark -> remarks.add(remark.asText()));
        return new SourceCheck(
                json.path("format").asText(),
                json.path("compression").asText(),
                samples,
                json.path("objectCount").asLong(),
                json.path("objectBytes").asLong(),
                json.path("whole").asBoolean(),
                json.path("recordCountEstimate").asLong(),
                json.path("bytesPerSecond").asLong(),
                json.path("requestMs").asLong(),
                json.path("indexMsEstimate").asLong(),
                json.path("readCountEstimate").asLong(),
                remarks);
    }

    private static CheckedSample readSample(JsonNode json) throws IOException {
        List<CheckedPart> parts = new ArrayList<>();
        for (JsonNode part : json.path("parts")) {
            parts.add(
                    new CheckedPart(
                            part.path("name").asText(),
                            part.path("length").asLong(),
                            part.path("head").binaryValue()));
        }
        return new CheckedSample(
                json.path("key").asText(),
                json.path("object").asText(),
                json.path("position").asLong(),
                parts);
    }
}
