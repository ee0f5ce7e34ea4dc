package io.headrace.server.show;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * Width and height of an image, from its header; nothing is decoded.
 *
 * <p>Layouts: PNG (ISO/IEC 15948), GIF89a, JPEG (ITU-T T.81, B.2.2), BMP (BITMAPINFOHEADER), WebP
 * (RFC 9649).
 *
 * @param width in pixels
 * @param height in pixels
 */
record ImageSize(int width, int height) {
    private static final int SHORT_MASK = 0xFFFF;
    private static final int WEBP_BITS = 0x3FFF;
    private static final int WEBP_LOSSLESS_BITS = 14;

    /** Of an image whose first bytes are these; empty if they do not say it. */
    static Optional<ImageSize> of(String format, ByteBuffer head) {
        ByteBuffer bytes = head.slice();
        try {
            return switch (format) {
                case "PNG" -> Optional.of(new ImageSize(bytes.getInt(16), bytes.getInt(20)));
                case "GIF" -> Optional.of(shorts(bytes.order(ByteOrder.LITTLE_ENDIAN), 6));
                case "BMP" -> Optional.of(bmp(bytes.order(ByteOrder.LITTLE_ENDIAN)));
                case "JPEG" -> jpeg(bytes);
                case "WebP" -> webp(bytes.order(ByteOrder.LITTLE_ENDIAN));
                default -> Optional.empty();
            };
        } catch (IndexOutOfBoundsException cutOff) {
            return Optional.empty();
        }
    }

    private static ImageSize shorts(ByteBuffer bytes, int at) {
        return new ImageSize(bytes.getShort(at) & SHORT_MASK, bytes.getShort(at + 2) & SHORT_MASK);
    }

    /** A negative height means that the rows go from top to bottom. */
    private static ImageSize bmp(ByteBuffer bytes) {
        return new ImageSize(bytes.getInt(18), Math.abs(bytes.getInt(22)));
    }

    /** Goes from segment to segment until one of them begins a frame. */
    private static Optional<ImageSize> jpeg(ByteBuffer bytes) {
        int at = 2;
        while ((bytes.get(at) & 0xFF) == 0xFF) {
            int marker = bytes.get(at + 1) & 0xFF;
            if (beginsFrame(marker)) {
                return Optional.of(
                        new ImageSize(
                                bytes.getShort(at + 7) & SHORT_MASK,
                                bytes.getShort(at + 5) & SHORT_MASK));
            }
            at += 2 + (bytes.getShort(at + 2) & SHORT_MASK);
        }
        return Optional.empty();
    }

    /** SOF0 to SOF15; among them are tables (DHT, JPG, DAC) that begin none. */
    private static boolean beginsFrame(int marker) {
        return marker >= 0xC0
                && marker <= 0xCF
                && marker != 0xC4
                && marker != 0xC8
                && marker != 0xCC;
    }

    private static Optional<ImageSize> webp(ByteBuffer bytes) {
        return switch (bytes.get(15)) {
            case ' ' ->
                    Optional.of(
                            new ImageSize(
                                    bytes.getShort(26) & WEBP_BITS,
                                    bytes.getShort(28) & WEBP_BITS));
            case 'L' -> {
                int bits = bytes.getInt(21);
                yield Optional.of(
                        new ImageSize(
                                (bits & WEBP_BITS) + 1,
                                (bits >> WEBP_LOSSLESS_BITS & WEBP_BITS) + 1));
            }
            case 'X' ->
                    Optional.of(
                            new ImageSize(
                                    (bytes.getInt(24) & 0xFFFFFF) + 1,
                                    (bytes.getInt(26) >>> 8) + 1));
            default -> Optional.empty();
        };
    }

    @Override
    public String toString() {
        return width + " × " + height;
    }
}
