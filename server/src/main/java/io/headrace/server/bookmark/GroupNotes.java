package io.headrace.server.bookmark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.headrace.engine.EngineException;
import io.headrace.server.bookmark.BookmarkException.Reason;
import io.headrace.server.show.Printable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Where the notes on groups lie in the topic of the bookmarks, and what they look like there:
 * docs/design/formats.md. For one thread, which is that of {@link Bookmarks}.
 */
final class GroupNotes {
    /** Most groups that have notes: some 10 MB of names and offsets. */
    static final int GROUPS_MAX = 100_000;

    /** Most bytes of the notes on a group, as JSON. */
    static final int LENGTH_MAX = 32 << 10;

    private static final int KEY_LENGTH_MAX = 128;

    /** Most characters of the name of a group that has notes. */
    static final int GROUP_LENGTH_MAX = 1024;

    /** No bookmark's name has a colon. */
    private static final String PREFIX = "notes:";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Map<String, Long> offsets = new HashMap<>();

    /** The group that a record's key is of; null if it is of a bookmark. */
    static @Nullable String groupOf(String key) {
        return key.startsWith(PREFIX) ? key.substring(PREFIX.length()) : null;
    }

    static byte[] key(String group) {
        return (PREFIX + group).getBytes(StandardCharsets.UTF_8);
    }

    /** The offset at which the notes on a group are; null if there are none. */
    @Nullable Long offset(String group) {
        return offsets.get(group);
    }

    void put(String group, long offset) {
        offsets.put(group, offset);
    }

    void remove(String group) {
        offsets.remove(group);
    }

    /**
     * @throws BookmarkException if a group of that name can have no notes
     */
    static void requireName(String group) {
        if (group.isEmpty() || group.length() > GROUP_LENGTH_MAX) {
            throw new BookmarkException(
                    Reason.BAD_VALUE,
                    "bad name of a group for notes: value="
                            + Printable.of(group, KEY_LENGTH_MAX)
                            + " characters="
                            + group.length()
                            + " allowed=1 to "
                            + GROUP_LENGTH_MAX
                            + " characters");
        }
    }

    /**
     * The notes with some more, in the place of those of the same keys; what has no text is taken
     * away.
     *
     * @throws BookmarkException if one cannot be kept
     */
    static TreeMap<String, String> with(
            TreeMap<String, String> known, Map<String, String> changes) {
        TreeMap<String, String> notes = new TreeMap<>(known);
        changes.forEach(
                (key, text) -> {
                    if (key.isEmpty() || key.length() > KEY_LENGTH_MAX) {
                        throw new BookmarkException(
                                Reason.BAD_VALUE,
                                "bad key of a note: value="
                                        + Printable.of(key, KEY_LENGTH_MAX)
                                        + " allowed=1 to "
                                        + KEY_LENGTH_MAX
                                        + " characters");
                    }
                    requireWhole(key, key);
                    requireWhole(key, text);
                    if (text.isEmpty()) {
                        notes.remove(key);
                    } else {
                        notes.put(key, text);
                    }
                });
        return notes;
    }

    /** Half a surrogate pair is no character, and cannot be written as UTF-8. */
    private static void requireWhole(String key, String text) {
        int[] points = text.codePoints().toArray();
        for (int i = 0; i < points.length; i++) {
            if (Character.getType(points[i]) == Character.SURROGATE) {
                throw new BookmarkException(
                        Reason.BAD_VALUE,
                        "half a surrogate pair in a note: key="
                                + Printable.of(key, KEY_LENGTH_MAX)
                                + " value="
                                + Printable.of(new String(points, i, 1))
                                + " character="
                                + i);
            }
        }
    }

    /**
     * The notes as a record's value; null if there are none.
     *
     * @throws BookmarkException if they are too long, or too many groups have some
     */
    byte @Nullable [] encode(String group, TreeMap<String, String> notes) {
        if (notes.isEmpty()) {
            return null;
        }
        byte[] value;
        try {
            value = MAPPER.writeValueAsBytes(notes);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a map that cannot be written", e);
        }
        if (value.length > LENGTH_MAX) {
            throw new BookmarkException(
                    Reason.BAD_VALUE,
                    "notes too long: group="
                            + group
                            + " bytes="
                            + value.length
                            + " max="
                            + LENGTH_MAX);
        }
        if (offsets.size() >= GROUPS_MAX && !offsets.containsKey(group)) {
            throw new BookmarkException(
                    Reason.REFUSED,
                    "too many groups have notes: group=" + group + " max=" + GROUPS_MAX);
        }
        return value;
    }

    static TreeMap<String, String> decode(String group, byte[] value) {
        try {
            return MAPPER.readValue(value, new TypeReference<TreeMap<String, String>>() {});
        } catch (IOException e) {
            throw new EngineException("notes cannot be read: group=" + group, e);
        }
    }
}
