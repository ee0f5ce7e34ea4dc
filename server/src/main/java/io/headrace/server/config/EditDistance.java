package io.headrace.server.config;

/**
 * How many single-character insertions, deletions and replacements lie between two strings:
 * Levenshtein's distance, by the two-row form of Wagner and Fischer (1974).
 */
final class EditDistance {
    private EditDistance() {}

    static int between(String from, String to) {
        int[] previous = new int[to.length() + 1];
        for (int i = 0; i < previous.length; i++) {
            previous[i] = i;
        }
        for (int i = 1; i <= from.length(); i++) {
            previous = nextRow(previous, from.charAt(i - 1), to, i);
        }
        return previous[to.length()];
    }

    private static int[] nextRow(int[] previous, char character, String to, int row) {
        int[] current = new int[previous.length];
        current[0] = row;
        for (int i = 1; i < current.length; i++) {
            int replaced = previous[i - 1] + (character == to.charAt(i - 1) ? 0 : 1);
            current[i] = Math.min(replaced, Math.min(previous[i], current[i - 1]) + 1);
        }
        return current;
    }
}
