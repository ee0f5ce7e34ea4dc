package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Sources;
import io.headrace.server.show.Printable;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Prints what two versions' objects differ in; holds a page of each. */
final class DatasetDiff {
    private final DatasetCalls.Objects before;
    private final DatasetCalls.Objects after;
    private final PrintWriter out;
    private final DatasetCalls calls;
    private final boolean isByContent;
    private long addedCount;
    private long removedCount;
    private long changedCount;
    private long sameCount;

    /**
     * @param isByContent whether objects of the same length and other etags are read
     */
    DatasetDiff(
            DatasetCalls calls, String before, String after, boolean isByContent, PrintWriter out) {
        this.calls = calls;
        this.isByContent = isByContent;
        this.before = calls.objects(before);
        this.after = calls.objects(after);
        this.out = out;
    }

    /**
     * @throws CommandException if a version is not listed to its end: what is not listed yet would
     *     be shown as removed, or as added
     */
    void print() throws IOException, InterruptedException {
        before.requireListed();
        after.requireListed();
        JsonNode old = before.peek();
        JsonNode now = after.peek();
        while (old != null || now != null) {
            int order = compare(old, now);
            if (order < 0) {
                removedCount++;
                line("-", old);
            } else if (order > 0) {
                addedCount++;
                line("+", now);
            } else {
                compareSame(old, now);
            }
            if (order <= 0) {
                before.remove();
            }
            if (order >= 0) {
                after.remove();
            }
            old = before.peek();
            now = after.peek();
        }
        out.println(
                "%s added, %s removed, %s changed, %s the same"
                        .formatted(
                                Units.count(addedCount),
                                Units.count(removedCount),
                                Units.count(changedCount),
                                Units.count(sameCount)));
    }

    private void compareSame(@Nullable JsonNode old, @Nullable JsonNode now)
            throws IOException, InterruptedException {
        if (text(old, "length").equals(text(now, "length"))
                && (text(old, "version").equals(text(now, "version"))
                        || isByContent && hasSameContent(now))) {
            sameCount++;
        } else {
            changedCount++;
            line("~", now);
        }
    }

    /** Of an object of both; stops at the first range that differs. */
    private boolean hasSameContent(@Nullable JsonNode object)
            throws IOException, InterruptedException {
        String key = text(object, "key");
        long length = object == null ? 0 : object.path("length").asLong();
        for (long from = 0; from < length; from += Sources.DIGEST_LENGTH_MAX) {
            long more = Math.min(Sources.DIGEST_LENGTH_MAX, length - from);
            String old = calls.digest(before.topic(), key, from, more);
            if (!old.equals(calls.digest(after.topic(), key, from, more))) {
                return false;
            }
        }
        return true;
    }

    private void line(String sign, @Nullable JsonNode object) {
        long length = object == null ? 0 : object.path("length").asLong();
        out.println(sign + " " + Printable.of(text(object, "key")) + "  " + Units.bytes(length));
    }

    private static String text(@Nullable JsonNode object, String field) {
        return object == null ? "" : object.path(field).asText();
    }

    /** As the server orders keys: by their bytes. */
    private static int compare(@Nullable JsonNode old, @Nullable JsonNode now) {
        if (old == null || now == null) {
            return old == null ? 1 : -1;
        }
        return Arrays.compareUnsigned(bytes(old), bytes(now));
    }

    private static byte[] bytes(JsonNode object) {
        return text(object, "key").getBytes(StandardCharsets.UTF_8);
    }
}
