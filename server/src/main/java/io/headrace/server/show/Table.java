package io.headrace.server.show;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows with their columns below each other. For one thread. */
public final class Table {
    private static final String GAP = "  ";

    private final List<String> names;
    private final String alignments;
    private final List<List<String>> rows = new ArrayList<>();

    /**
     * @param alignments a letter for each column: {@code l} for text, {@code r} for figures
     * @param names above the columns
     */
    public Table(String alignments, String... names) {
        if (alignments.length() != names.length) {
            throw new IllegalArgumentException("columns: " + alignments + " " + names.length);
        }
        this.alignments = alignments;
        this.names = List.of(names);
    }

    /** Adds a row of as many cells as there are columns. */
    public Table row(String... cells) {
        if (cells.length != names.size()) {
            throw new IllegalArgumentException("cells: " + cells.length + " of " + names.size());
        }
        rows.add(List.of(cells));
        return this;
    }

    /** Whether it has no rows. */
    public boolean isEmpty() {
        return rows.isEmpty();
    }

    /** Writes the names of the columns and the rows. */
    public void print(PrintWriter out) {
        int[] widths = widths();
        out.println(line(names, widths));
        rows.forEach(row -> out.println(line(row, widths)));
    }

    private int[] widths() {
        int[] widths = new int[names.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] =
                    Math.max(
                            names.get(i).length(),
                            rows.stream()
                                    .mapToInt(row -> row.get(column).length())
                                    .max()
                                    .orElse(0));
        }
        return widths;
    }

    private String line(List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - cells.get(i).length());
            boolean isRight = alignments.charAt(i) == 'r';
            line.append(i == 0 ? "" : GAP)
                    .append(isRight ? padding + cells.get(i) : cells.get(i) + padding);
        }
        return line.toString().stripTrailing();
    }
}
