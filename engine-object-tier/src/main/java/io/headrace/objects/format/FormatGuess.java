package io.headrace.objects.format;

import io.headrace.engine.spi.SampleFormat;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What an object seems to be, by its first bytes and its key. Bytes that cannot be there by chance
 * (a magic, a checksum) count before the key, the key before bytes that only look like text.
 */
final class FormatGuess {
    private static final String JSON = ".json";

    private static final List<String> LINE_ENDINGS =
            List.of(
                    ".txt",
                    ".text",
                    ".jsonl",
                    ".ndjson",
                    ".jsonlines",
                    ".csv",
                    ".tsv",
                    ".md",
                    ".log");

    private final String key;
    private final ByteBuffer head;
    private final boolean isWhole;

    FormatGuess(String plainKey, ByteBuffer head, boolean isWhole) {
        key = plainKey.toLowerCase(Locale.ROOT);
        this.head = head.slice();
        this.isWhole = isWhole;
    }

    @Nullable SampleFormat format() {
        if (isTar()) {
            return BundledReaders.TAR;
        }
        if (isTfRecord()) {
            return BundledReaders.TF_RECORD;
        }
        if (isMds()) {
            return BundledReaders.MDS;
        }
        return isLines() ? BundledReaders.LINES : null;
    }

    /** By the header's checksum, for the oldest tars have no magic; only their keys name them. */
    private boolean isTar() {
        if (key.endsWith(".tar")) {
            return true;
        }
        if (head.limit() < TarHeader.LENGTH) {
            return false;
        }
        TarHeader header = new TarHeader();
        header.wrap(head, 0);
        return header.hasMagic() && header.isChecksumRight();
    }

    private boolean isTfRecord() {
        return key.endsWith(".tfrecord")
                || key.endsWith(".tfrecords")
                || head.limit() >= TfRecordFormat.HEADER_LENGTH && TfRecordFormat.isHeader(head);
    }

    private boolean isMds() {
        return key.endsWith(".mds") || MdsHead.isMds(head);
    }

    private boolean isLines() {
        if (key.endsWith(JSON)) {
            return isFirstLineJson();
        }
        for (String ending : LINE_ENDINGS) {
            if (key.endsWith(ending)) {
                return true;
            }
        }
        return LineFeeds.first(head) >= 0 && isText();
    }

    /** JSON lines are often called just that; a document over several lines is one sample. */
    private boolean isFirstLineJson() {
        int lineFeed = LineFeeds.first(head);
        if (lineFeed < 0) {
            return !isWhole && head.limit() > 0; // a line longer than the head: no document has it
        }
        String line = StandardCharsets.UTF_8.decode(head.slice(0, lineFeed)).toString().strip();
        return line.startsWith("{") && line.endsWith("}")
                || line.startsWith("[") && line.endsWith("]");
    }

    /** UTF-8 without control characters but those of text; the head may cut its last character. */
    private boolean isText() {
        CharBuffer text = CharBuffer.allocate(head.limit());
        CoderResult result =
                StandardCharsets.UTF_8.newDecoder().decode(head.duplicate(), text, isWhole);
        return !result.isError() && text.flip().chars().allMatch(FormatGuess::isOfText);
    }

    private static boolean isOfText(int unit) {
        return unit >= ' ' && unit != 0x7F || unit >= '\t' && unit <= '\r';
    }
}
