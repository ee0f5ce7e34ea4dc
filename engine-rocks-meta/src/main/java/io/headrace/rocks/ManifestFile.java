package io.headrace.rocks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file in which RocksDB notes which tables it has, as far as it has to be looked at before
 * RocksDB does: a record whose type says that its file was used before is passed over by RocksDB
 * 11.8 for ever, without looking at its checksum, so that one turned bit hangs the start. This
 * store uses no file twice.
 *
 * <p>The format is RocksDB's log format: blocks of 32 KiB, each with records behind a header of a
 * checksum (u32), a length (u16) and a type (u8), little endian; a rest of zeros.
 */
final class ManifestFile {
    private static final int BLOCK_LENGTH = 32 << 10;
    private static final int HEADER_LENGTH = 7;
    private static final int LENGTH_AT = 4;
    private static final int TYPE_AT = 6;

    /** A whole record is 1; the first part, those in the middle and the last part are 2 to 4. */
    private static final int TYPE_MAX = 4;

    private ManifestFile() {}

    /**
     * Says what is wrong with the manifest of a store, null if nothing is that RocksDB would not
     * find.
     */
    static @Nullable String damage(Path folder) throws IOException {
        Path current = folder.resolve("CURRENT");
        if (!Files.exists(current)) {
            return null;
        }
        Path manifest =
                folder.resolve(Files.readString(current, StandardCharsets.ISO_8859_1).trim());
        try (InputStream input = Files.newInputStream(manifest)) {
            long blockAt = 0;
            byte[] block = input.readNBytes(BLOCK_LENGTH);
            while (block.length > 0) {
                int damaged = unknownType(ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN));
                if (damaged >= 0) {
                    return "unknown type of record: file=%s offset=%d type=%d"
                            .formatted(
                                    manifest,
                                    blockAt + damaged,
                                    Byte.toUnsignedInt(block[damaged + TYPE_AT]));
                }
                blockAt += block.length;
                block = input.readNBytes(BLOCK_LENGTH);
            }
            return null;
        } catch (NoSuchFileException e) {
            return null; // RocksDB says so, and names it
        }
    }

    /** Where the first record begins whose type is none; negative if there is none. */
    private static int unknownType(ByteBuffer block) {
        int at = 0;
        while (at + HEADER_LENGTH <= block.limit()) {
            int type = Byte.toUnsignedInt(block.get(at + TYPE_AT));
            int length = Short.toUnsignedInt(block.getShort(at + LENGTH_AT));
            if (type > TYPE_MAX) {
                return at;
            }
            if (type == 0 && length == 0) {
                return -1;
            }
            at += HEADER_LENGTH + length;
        }
        return -1;
    }
}
