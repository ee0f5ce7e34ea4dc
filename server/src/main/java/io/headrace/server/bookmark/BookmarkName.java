package io.headrace.server.bookmark;

import io.headrace.server.bookmark.BookmarkException.Reason;
import java.util.Comparator;
import java.util.regex.Pattern;

/**
 * A bookmark's name, {@code JOB@STEP}; in order of job, then of step.
 *
 * @param job 1 to 128 of {@code [a-zA-Z0-9._-]}
 * @param step at least 0
 */
public record BookmarkName(String job, long step) implements Comparable<BookmarkName> {
    private static final Pattern JOB = Pattern.compile("[a-zA-Z0-9._-]{1,128}");
    private static final char AT = '@';
    private static final Comparator<BookmarkName> ORDER =
            Comparator.comparing(BookmarkName::job).thenComparingLong(BookmarkName::step);

    /**
     * Reads a name; a step has no sign and no leading zero, so that there is one way to write it.
     *
     * @throws BookmarkException if it is none
     */
    public static BookmarkName of(String text) {
        int at = text.indexOf(AT);
        if (at >= 0) {
            long step = step(text.substring(at + 1));
            if (step >= 0 && isJob(text.substring(0, at))) {
                return new BookmarkName(text.substring(0, at), step);
            }
        }
        throw new BookmarkException(
                Reason.BAD_VALUE,
                "not a bookmark's name: value="
                        + text
                        + " allowed=JOB@STEP, JOB 1 to 128 of [a-zA-Z0-9._-], STEP 0 to "
                        + Long.MAX_VALUE);
    }

    /** Whether that may be a job's name. */
    public static boolean isJob(String text) {
        return JOB.matcher(text).matches();
    }

    private static long step(String text) {
        try {
            long step = Long.parseLong(text);
            return text.equals(Long.toString(step)) ? step : -1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    @Override
    public int compareTo(BookmarkName other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return job + AT + step;
    }
}
