package io.headrace.bench.sources;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A table of the report, in Markdown, under a heading and a sentence on what it shows. */
final class Table {
    private final String heading;
    private final String about;
    private final List<String> columns;
    private final List<List<String>> rows = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();

    Table(String heading, String about, String... columns) {
        this.heading = heading;
        this.about = about;
        this.columns = List.of(columns);
    }

    void row(String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException("columns=" + columns + " cells=" + List.of(cells));
        }
        rows.add(List.of(cells));
        System.out.println(String.join(" | ", cells));
    }

    /** A sentence below the table. */
    void remark(String format, Object... arguments) {
        remarks.add(format.formatted(arguments));
        System.out.println(remarks.get(remarks.size() - 1));
    }

    String markdown() {
        StringBuilder text = new StringBuilder("\n#### " + heading + "\n\n" + about + "\n\n");
        line(text, columns);
        line(text, Collections.nCopies(columns.size(), "---"));
        rows.forEach(row -> line(text, row));
        remarks.forEach(remark -> text.append("\n- ").append(remark));
        return text.append(remarks.isEmpty() ? "" : "\n").toString();
    }

    private static void line(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }
}
