package io.headrace.objects;

/**
 * Unsigned byte order of UTF-8, which is the order of code points; {@link String#compareTo} orders
 * UTF-16 units, and puts what lies beyond U+FFFF before U+E000.
 */
final class KeyOrder {
    private KeyOrder() {}

    /** Compares two keys as their UTF-8 bytes compare. */
    static int compare(String left, String right) {
        int length = Math.min(left.length(), right.length());
        for (int i = 0; i < length; i++) {
            char a = left.charAt(i);
            char b = right.charAt(i);
            if (a != b) {
                return Integer.compare(rank(a), rank(b));
            }
        }
        return Integer.compare(left.length(), right.length());
    }

    /**
     * Surrogates rank above all other UTF-16 units: they stand for the code points beyond U+FFFF.
     */
    private static int rank(char unit) {
        return Character.isSurrogate(unit) ? unit + 0x10000 : unit;
    }
}
