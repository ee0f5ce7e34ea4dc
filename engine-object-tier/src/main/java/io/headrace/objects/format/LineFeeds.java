package io.headrace.objects.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Finds line feeds eight bytes at a time, by the "has a zero byte" test of Hacker's Delight (H.
 * Warren, 2nd edition, section 6-1) on the text XOR line feeds: the lowest bit that it sets belongs
 * to the first line feed, those above it may be wrong.
 */
final class LineFeeds {
    private static final byte LINE_FEED = '\n';
    private static final long LINE_FEEDS = 0x0A0A_0A0A_0A0A_0A0AL;
    private static final long LOW_BITS = 0x0101_0101_0101_0101L;
    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;

    private LineFeeds() {}

    /** Index of the first line feed from the buffer's position on, or −1. */
    static int first(ByteBuffer text) {
        boolean isBigEndian = text.order() == ByteOrder.BIG_ENDIAN;
        int limit = text.limit();
        int at = text.position();
        for (; at <= limit - Long.BYTES; at += Long.BYTES) {
            long word = text.getLong(at) ^ LINE_FEEDS;
            if (((word - LOW_BITS) & ~word & HIGH_BITS) != 0) {
                return at + firstZero(isBigEndian ? Long.reverseBytes(word) : word);
            }
        }
        for (; at < limit; at++) {
            if (text.get(at) == LINE_FEED) {
                return at;
            }
        }
        return -1;
    }

    /** Number of the first zero byte of a word whose first byte is its lowest. */
    private static int firstZero(long word) {
        return Long.numberOfTrailingZeros((word - LOW_BITS) & ~word & HIGH_BITS) >>> 3;
    }
}
