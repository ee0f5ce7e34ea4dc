package io.headrace.objects.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Tells whether first bytes are those of an MDS shard. */
final class MdsHead {
    private static final String JSON_START = "{\"";
    private static final String FORMAT = "\"format\": \"mds\"";

    /** Offsets that must grow, one after the other, before they alone are believed. */
    private static final int OFFSETS_BELIEVED = 64;

    private MdsHead() {}

    /**
     * Whether a shard begins so. Its description may lie beyond the head: then the table before it
     * has to be one of offsets.
     */
    static boolean isMds(ByteBuffer head) {
        if (head.limit() < MdsScanner.HEADER_LENGTH) {
            return false;
        }
        long count = LittleEndian.unsignedIntAt(head, 0);
        long first = LittleEndian.unsignedIntAt(head, Integer.BYTES);
        long jsonAt = Integer.BYTES * (count + 2);
        long jsonLength = first - jsonAt;
        if (jsonLength < JSON_START.length() || jsonLength > MdsScanner.JSON_LENGTH_MAX) {
            return false;
        }
        int offsets = (int) Math.min(count + 1, head.limit() / Integer.BYTES - 1);
        return areGrowing(head, offsets)
                && (isDescribed(head, jsonAt, first) || isTable(offsets, jsonAt, head));
    }

    private static boolean areGrowing(ByteBuffer head, int offsets) {
        long last = 0;
        for (int i = 1; i <= offsets; i++) {
            long offset = LittleEndian.unsignedIntAt(head, i * Integer.BYTES);
            if (offset < last) {
                return false;
            }
            last = offset;
        }
        return true;
    }

    /** Whether the description is in the head and says so, or as much as is there begins so. */
    private static boolean isDescribed(ByteBuffer head, long jsonAt, long jsonEnd) {
        if (jsonAt > head.limit() - JSON_START.length()) {
            return false;
        }
        int end = (int) Math.min(jsonEnd, head.limit());
        String json =
                StandardCharsets.UTF_8
                        .decode(head.slice((int) jsonAt, end - (int) jsonAt))
                        .toString();
        return json.startsWith(JSON_START) && (end < jsonEnd || json.contains(FORMAT));
    }

    private static boolean isTable(int offsets, long jsonAt, ByteBuffer head) {
        return jsonAt > head.limit() - JSON_START.length() && offsets >= OFFSETS_BELIEVED;
    }
}
