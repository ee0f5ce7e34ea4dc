package io.headrace.server.show;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Says in a few words what bytes are: text is shown, an image told by its size, anything else by
 * what its first bytes give away.
 */
public final class Content {
    /** Bytes that are looked at; a JPEG file's size may stand behind a thumbnail of that length. */
    public static final int HEAD_LENGTH_MAX = 64 << 10;

    private static final int TEXT_SHOWN_MAX = 100;
    private static final int HEX_SHOWN_MAX = 12;
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    /**
     * First bytes of a format.
     *
     * @param position where they stand
     */
    private record Magic(String format, String kind, int position, byte[] bytes) {
        static Magic of(String format, String kind, int position, String latin1) {
            return new Magic(format, kind, position, latin1.getBytes(StandardCharsets.ISO_8859_1));
        }

        boolean matches(ByteBuffer head) {
            return head.remaining() >= position + bytes.length
                    && head.slice(head.position() + position, bytes.length)
                            .equals(ByteBuffer.wrap(bytes));
        }
    }

    private static final List<Magic> MAGICS =
            List.of(
                    Magic.of("JPEG", "image", 0, "\u00ff\u00d8\u00ff"),
                    Magic.of("PNG", "image", 0, "\u0089PNG\r\n\u001a\n"),
                    Magic.of("GIF", "image", 0, "GIF8"),
                    Magic.of("WebP", "image", 8, "WEBP"),
                    Magic.of("BMP", "image", 14, "(\0\0\0"), // "BM" alone begins many a word
                    Magic.of("TIFF", "image", 0, "II*\0"),
                    Magic.of("TIFF", "image", 0, "MM\0*"),
                    Magic.of("WAV", "audio", 8, "WAVE"),
                    Magic.of("FLAC", "audio", 0, "fLaC"),
                    Magic.of("MP3", "audio", 0, "ID3"),
                    Magic.of("MP3", "audio", 0, "\u00ff\u00fb"),
                    Magic.of("Ogg", "audio", 0, "OggS"),
                    Magic.of("AVI", "video", 8, "AVI "),
                    Magic.of("MP4", "video", 4, "ftyp"),
                    Magic.of("Matroska", "video", 0, "\u001aE\u00df\u00a3"),
                    Magic.of("NumPy", "array", 0, "\u0093NUMPY"),
                    Magic.of("Parquet", "table", 0, "PAR1"),
                    Magic.of("HDF5", "data", 0, "\u0089HDF\r\n"),
                    Magic.of("zip", "archive", 0, "PK\u0003\u0004"),
                    Magic.of("gzip", "data", 0, "\u001f\u008b"),
                    Magic.of("zstd", "data", 0, "(\u00b5/\u00fd"),
                    Magic.of("lz4", "data", 0, "\u0004\"M\u0018"),
                    Magic.of("PDF", "document", 0, "%PDF-"));

    private Content() {}

    /**
     * What bytes are.
     *
     * @param head the first of them, or all; not changed
     * @param length of all of them
     */
    public static String describe(ByteBuffer head, long length) {
        if (length == 0) {
            return "empty";
        }
        ByteBuffer bytes = head.slice();
        // Text first: a caption may begin with the letters of a format, a format is never all text.
        return text(bytes, bytes.remaining() == length)
                .map(text -> "text: " + shown(text, length))
                .orElseGet(() -> binary(bytes, length));
    }

    private static String binary(ByteBuffer bytes, long length) {
        return MAGICS.stream()
                .filter(magic -> magic.matches(bytes))
                .findFirst()
                .map(magic -> describe(magic, bytes))
                .orElseGet(() -> "binary: " + hex(bytes, length));
    }

    private static String describe(Magic magic, ByteBuffer head) {
        String detail =
                magic.format.equals("NumPy")
                        ? NumPyHeader.describe(head)
                        : ImageSize.of(magic.format, head).map(ImageSize::toString).orElse("");
        return magic.format + " " + magic.kind + (detail.isEmpty() ? "" : ", " + detail);
    }

    /** Bytes as text, if they are UTF-8 without control characters. */
    static Optional<String> text(ByteBuffer bytes, boolean isWhole) {
        CharsetDecoder decoder =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT);
        CharBuffer chars = CharBuffer.allocate(bytes.remaining());
        CoderResult result = decoder.decode(bytes.slice(), chars, isWhole);
        String text = chars.flip().toString();
        boolean isText = !result.isError() && text.chars().noneMatch(Content::isControl);
        return isText ? Optional.of(text) : Optional.empty();
    }

    private static boolean isControl(int character) {
        return Character.isISOControl(character)
                && character != '\n'
                && character != '\r'
                && character != '\t';
    }

    private static String shown(String text, long length) {
        String shown = Printable.of(text, TEXT_SHOWN_MAX);
        boolean isCut =
                !shown.endsWith("…") && text.getBytes(StandardCharsets.UTF_8).length < length;
        return isCut ? shown + "…" : shown;
    }

    private static String hex(ByteBuffer bytes, long length) {
        byte[] first = new byte[Math.min(HEX_SHOWN_MAX, bytes.remaining())];
        bytes.slice().get(first);
        return HEX.formatHex(first) + (first.length < length ? " …" : "");
    }
}
