package io.headrace.server.bookmark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.EngineException;
import io.headrace.kafka.group.GroupPositions.Position;
import io.headrace.kafka.group.GroupPositions.TopicPositions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A bookmark as the value of its record; docs/design/formats.md specifies it. */
final class BookmarkJson {
    static final int VERSION = 1;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private BookmarkJson() {}

    static byte[] encode(Bookmark bookmark) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", VERSION).put("savedMs", bookmark.savedMs());
        json.put("group", bookmark.group());
        ArrayNode topics = json.putArray("topics");
        for (TopicPositions of : bookmark.positions()) {
            ObjectNode topic = topics.addObject().put("name", of.topic()).put("id", of.topicId());
            ArrayNode positions = topic.putArray("positions");
            for (Position position : of.positions()) {
                positions
                        .addArray()
                        .add(position.partition())
                        .add(position.offset())
                        .add(position.leaderEpoch())
                        .add(position.metadata());
            }
        }
        json.put("state", bookmark.state());
        try {
            return MAPPER.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree that cannot be written", e);
        }
    }

    /**
     * Reads a value.
     *
     * @throws EngineException if it is of a later version, or none
     */
    static Bookmark decode(BookmarkName name, byte[] value) {
        JsonNode json;
        try {
            json = MAPPER.readTree(value);
        } catch (IOException e) {
            throw new EngineException("bookmark cannot be read: bookmark=" + name, e);
        }
        if (json.path("version").asInt() != VERSION) {
            throw new EngineException(
                    "bookmark is of another version: bookmark="
                            + name
                            + " version="
                            + json.path("version").asText()
                            + " known="
                            + VERSION);
        }
        return new Bookmark(
                name,
                json.path("savedMs").asLong(),
                text(json.path("group")),
                topics(json.path("topics")),
                text(json.path("state")));
    }

    private static @Nullable String text(JsonNode json) {
        return json.isTextual() ? json.textValue() : null;
    }

    private static List<TopicPositions> topics(JsonNode json) {
        List<TopicPositions> topics = new ArrayList<>();
        for (JsonNode topic : json) {
            List<Position> positions = new ArrayList<>();
            for (JsonNode position : topic.path("positions")) {
                positions.add(
                        new Position(
                                position.path(0).asInt(),
                                position.path(1).asLong(),
                                position.path(2).asInt(),
                                position.path(3).asText()));
            }
            topics.add(
                    new TopicPositions(
                            topic.path("name").asText(), topic.path("id").asText(), positions));
        }
        return topics;
    }
}
