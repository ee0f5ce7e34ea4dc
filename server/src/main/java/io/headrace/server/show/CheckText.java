package io.headrace.server.show;

import io.headrace.engine.SourceCheck;
import io.headrace.engine.Sources.CheckedPart;
import io.headrace.engine.Sources.CheckedSample;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.Locale;

/** What a check of a source found, for a person. */
public final class CheckText {
    /** AWS S3, Standard class, us-east-1: USD per GET (0.0004 per 1,000). Others differ little. */
    private static final double GET_DOLLARS = 0.0004 / 1000;

    private static final int KEY_SHOWN_MAX = 120;

    private CheckText() {}

    /** All of it. */
    public static void print(SourceCheck check, String uri, PrintWriter out) {
        line(out, "uri", Printable.of(uri));
        if (!check.format().isEmpty()) {
            line(out, "format", format(check));
        }
        line(out, "objects", objects(check));
        if (isAnythingFound(check)) {
            line(out, "samples", atLeast(check) + Units.count(check.recordCountEstimate()));
            line(out, "index", index(check));
            line(out, "requests", requests(check, uri));
        }
        check.remarks().forEach(remark -> line(out, "note", Printable.of(remark)));
        check.samples().forEach(sample -> print(sample, out));
    }

    /** Whether there are samples; nothing can be estimated without. */
    public static boolean isAnythingFound(SourceCheck check) {
        return check.recordCountEstimate() > 0;
    }

    private static void line(PrintWriter out, String name, String value) {
        out.println("%-9s  %s".formatted(name, value));
    }

    private static String format(SourceCheck check) {
        return check.compression().isEmpty()
                ? check.format()
                : check.format() + ", compressed with " + check.compression();
    }

    private static String objects(SourceCheck check) {
        String found = Units.count(check.objectCount()) + ", " + Units.bytes(check.objectBytes());
        return check.isWhole() ? found : "at least " + found + " (the listing is longer)";
    }

    private static String atLeast(SourceCheck check) {
        return check.isWhole() ? "about " : "at least about ";
    }

    private static String index(SourceCheck check) {
        String rate =
                check.bytesPerSecond() == 0
                        ? ""
                        : ", one partition read ahead at " + Units.rate(check.bytesPerSecond());
        return "%s%s%s; a small read takes %s"
                .formatted(
                        atLeast(check),
                        Units.duration(check.indexMsEstimate()),
                        rate,
                        Units.duration(check.requestMs()));
    }

    private static String requests(SourceCheck check, String uri) {
        String reads =
                atLeast(check)
                        + Units.count(check.readCountEstimate())
                        + " to read everything once";
        return uri.startsWith("s3://")
                ? reads + ", " + dollars(check.readCountEstimate()) + " at AWS's list price"
                : reads;
    }

    private static String dollars(long requests) {
        double dollars = requests * GET_DOLLARS;
        return dollars < 0.01 ? "less than $0.01" : String.format(Locale.ROOT, "$%,.2f", dollars);
    }

    private static void print(CheckedSample sample, PrintWriter out) {
        out.println();
        String object = Printable.of(sample.objectKey(), KEY_SHOWN_MAX);
        out.println(object + " at byte " + Units.count(sample.position()));
        if (!sample.key().isEmpty()) {
            out.println("  key    " + Printable.of(sample.key(), KEY_SHOWN_MAX));
        }
        Parts parts = new Parts();
        for (CheckedPart part : sample.parts()) {
            parts.add(part.name(), ByteBuffer.wrap(part.head()), part.length());
        }
        parts.print(out);
    }
}
