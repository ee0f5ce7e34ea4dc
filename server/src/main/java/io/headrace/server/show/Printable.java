package io.headrace.server.show;

/**
 * Text of strangers on a terminal: what a sample holds must not move the cursor, change the
 * window's title, or turn the line around.
 */
public final class Printable {
    private static final String CUT = "…";

    private Printable() {}

    /**
     * The text on one line, with escapes for what is no character to be seen.
     *
     * @param lengthMax most characters shown; what is cut off is shown as {@code …}
     */
    public static String of(String text, int lengthMax) {
        StringBuilder shown = new StringBuilder();
        int[] points = text.codePoints().limit(lengthMax).toArray();
        for (int point : points) {
            append(shown, point);
        }
        boolean isWhole = text.codePointCount(0, text.length()) <= lengthMax;
        return isWhole ? shown.toString() : shown + CUT;
    }

    /** The whole text. */
    public static String of(String text) {
        return of(text, Integer.MAX_VALUE);
    }

    private static void append(StringBuilder shown, int point) {
        switch (point) {
            case '\n' -> shown.append("\\n");
            case '\r' -> shown.append("\\r");
            case '\t' -> shown.append("\\t");
            default -> {
                if (isSeen(point)) {
                    shown.appendCodePoint(point);
                } else {
                    shown.append(String.format("\\u%04x", point));
                }
            }
        }
    }

    private static boolean isSeen(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            default -> true;
        };
    }
}
