package io.headrace.server.show;

import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The parts of a sample, one a line: name, length, what it is. For one thread. */
public final class Parts {
    private static final String VALUE = "value";
    private static final int NAME_SHOWN_MAX = 40;
    private static final int NAME_WIDTH_MIN = 5;

    private record Row(String name, String length, String content) {}

    private final List<Row> rows = new ArrayList<>();

    /**
     * Adds a part.
     *
     * @param name empty for a record's plain value
     * @param head its first bytes, or all
     * @param length of all
     */
    public void add(String name, ByteBuffer head, long length) {
        rows.add(
                new Row(
                        name.isEmpty() ? VALUE : Printable.of(name, NAME_SHOWN_MAX),
                        Units.bytes(length),
                        Content.describe(head, length)));
    }

    /** Writes them, indented. */
    public void print(PrintWriter out) {
        int width = rows.stream().mapToInt(row -> row.name.length()).max().orElse(0);
        String format = "  %-" + Math.max(width, NAME_WIDTH_MIN) + "s  %8s  %s";
        rows.forEach(row -> out.println(format.formatted(row.name, row.length, row.content)));
    }
}
