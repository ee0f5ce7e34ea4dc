package io.headrace.server.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ContentTest {
    private static String describe(byte[] bytes) {
        return Content.describe(ByteBuffer.wrap(bytes), bytes.length);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    @ParameterizedTest
    @CsvSource({"png,PNG", "jpg,JPEG", "gif,GIF", "bmp,BMP"})
    void tellsAnImagesSizeFromItsHeader(String format, String name) throws IOException {
        BufferedImage image = new BufferedImage(321, 45, BufferedImage.TYPE_INT_RGB);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(ImageIO.write(image, format, bytes));
        assertEquals(name + " image, 321 × 45", describe(bytes.toByteArray()));
    }

    /** Headers as libwebp writes them, of images of 321 × 45. */
    @ParameterizedTest
    @CsvSource({
        "52494646 24000000 57454250 56503820 18000000 300100 9d012a 4101 2d00 00",
        "52494646 24000000 57454250 5650384c 18000000 2f 40010b00 00",
        "52494646 24000000 57454250 56503858 0a000000 10000000 400100 2c0000 00"
    })
    void tellsAWebPImagesSize(String header) {
        assertEquals("WebP image, 321 × 45", describe(hex(header)));
    }

    @Test
    void anImageThatIsCutOffHasNoSize() {
        assertEquals("PNG image", describe(hex("89504e470d0a1a0a0000")));
        assertEquals("JPEG image", describe(hex("ffd8ffe00010")));
        assertEquals("JPEG image", describe(hex("ffd8ffe0ffff00")));
    }

    @Test
    void showsText() {
        assertEquals("text: 281", describe(utf8("281")));
        assertEquals("text: BMW, in Köln", describe(utf8("BMW, in Köln")));
        assertEquals("text: {\\n\\t\"a\": 1}", describe(utf8("{\n\t\"a\": 1}")));
        assertEquals("empty", describe(new byte[0]));
    }

    @Test
    void showsTheBeginningOfALongText() {
        String shown = describe(utf8("ä".repeat(5000)));
        assertEquals("text: " + "ä".repeat(100) + "…", shown);
        ByteBuffer head = ByteBuffer.wrap(utf8("ä".repeat(50)), 0, 99); // ends within a character
        assertEquals("text: " + "ä".repeat(49) + "…", Content.describe(head, 10_000));
    }

    @Test
    void textCannotCommandTheTerminal() {
        String shown = describe(utf8("\u202eturned \u2028around"));
        assertEquals("text: \\u202eturned \\u2028around", shown);
        String escape = describe(utf8("\u001b[2J\u001b]0;title\u0007"));
        assertTrue(escape.startsWith("binary: 1b 5b"), escape);
        assertFalse(Printable.of("\u001b[31m").contains("\u001b"));
    }

    @Test
    void tellsOtherFormatsByTheirFirstBytes() {
        assertEquals("gzip data", describe(hex("1f8b0800")));
        assertEquals("zstd data", describe(hex("28b52ffd00")));
        assertEquals("MP4 video", describe(hex("00000020667479706d703432")));
        assertEquals("FLAC audio", describe(hex("664c614300000022")));
        assertEquals("binary: 00 01 02 fe", describe(hex("000102fe")));
        assertEquals(
                "binary: 00 00 00 00 00 00 00 00 00 00 00 00 …", describe(new byte[5_000_000]));
    }

    @Test
    void tellsAnArraysTypeAndShape() {
        String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 224, 224), }\n";
        byte[] bytes =
                ("\u0093NUMPY\1\0" + (char) header.length() + "\0" + header + "\0\1")
                        .getBytes(StandardCharsets.ISO_8859_1);
        assertEquals("NumPy array, <f4 (3, 224, 224)", describe(bytes));
    }
}
