package io.headrace.server.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import picocli.CommandLine.Help.Ansi;

/**
 * Something on the screen that changes: on a terminal in place, otherwise a copy every few seconds,
 * so that a log tells the course of it. For one thread.
 */
final class Live {
    private static final long COPY_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final String LINE_START = "\r";
    private static final String CLEAR_TO_LINE_END = "\u001b[K";
    private static final String HOME = "\u001b[H";
    private static final String CLEAR_TO_SCREEN_END = "\u001b[J";

    private final PrintWriter out;
    private final boolean isInPlace;
    private long copiedNanos;

    /**
     * @param out where to
     * @param isInPlace whether that is a terminal
     */
    Live(PrintWriter out, boolean isInPlace) {
        this.out = out;
        this.isInPlace = isInPlace;
        this.copiedNanos = System.nanoTime() - COPY_NANOS;
    }

    static Live on(PrintWriter out) {
        return new Live(out, Ansi.AUTO.enabled());
    }

    /** Shows one line instead of the one before. */
    void line(String line) {
        if (isInPlace) {
            out.print(LINE_START + line + CLEAR_TO_LINE_END);
        } else if (isTimeForCopy()) {
            out.println(line);
        }
        out.flush();
    }

    /**
     * Shows several lines instead of those before.
     *
     * @param printer prints them to the writer that it is given
     */
    void page(Consumer<PrintWriter> printer) {
        if (isInPlace) {
            out.print(HOME + withoutFlicker(printer) + CLEAR_TO_SCREEN_END);
        } else if (isTimeForCopy()) {
            printer.accept(out);
            out.println();
        }
        out.flush();
    }

    /** Shows several lines that will stay. */
    void lastPage(Consumer<PrintWriter> printer) {
        if (isInPlace) {
            page(printer);
        } else {
            printer.accept(out);
        }
    }

    /** Each line is written over the old one, and then what is left of that is cleared. */
    private static String withoutFlicker(Consumer<PrintWriter> printer) {
        StringWriter text = new StringWriter();
        PrintWriter writer = new PrintWriter(text);
        printer.accept(writer);
        writer.flush();
        return text.toString().replace("\n", CLEAR_TO_LINE_END + "\n");
    }

    private boolean isTimeForCopy() {
        long now = System.nanoTime();
        if (now - copiedNanos < COPY_NANOS) {
            return false;
        }
        copiedNanos = now;
        return true;
    }

    /** Clears a line that was shown, so that what is printed next stands in its place. */
    void end() {
        if (isInPlace) {
            out.print(LINE_START + CLEAR_TO_LINE_END);
        }
        out.flush();
    }
}
