package io.headrace.engine.source.cache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The header of a block's file on the SSD; specified in docs/design/formats.md, "Cached blocks".
 *
 * @param identity as in {@link StoredBlock#identity}
 * @param length of the body, in bytes
 * @param bodyCrc CRC32C of the body
 */
record BlockFile(
        long topicId,
        int partition,
        int recordCount,
        long firstOffset,
        long identity,
        int length,
        int bodyCrc) {
    static final int HEADER_LENGTH = 52;

    /** {@code HRBLOCK1}, as ASCII in the order of the file. */
    private static final long MAGIC = 0x314B434F4C425248L;

    private static final int CRC_AT = 48;

    /** The header of a block. */
    static BlockFile of(PartitionBlocks partition, CachedBlock block) {
        return new BlockFile(
                partition.topicId(),
                partition.partition(),
                block.recordCount(),
                block.firstOffset(),
                block.identity(),
                block.length(),
                crc(block.bytes(), 0, block.length()));
    }

    /** Name of a block's file in the folder of its partition. */
    static String name(long firstOffset, int recordCount) {
        return firstOffset + "-" + recordCount;
    }

    ByteBuffer encode() {
        ByteBuffer header = ByteBuffer.allocate(HEADER_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(MAGIC).putLong(topicId).putInt(partition).putInt(recordCount);
        header.putLong(firstOffset).putLong(identity).putInt(length).putInt(bodyCrc);
        header.putInt(crc(header, 0, CRC_AT));
        return header.flip();
    }

    /** What a header says; null if it is none, or not as it was written. */
    static @Nullable BlockFile decode(ByteBuffer bytes) {
        ByteBuffer header = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        boolean isHeader =
                header.getInt(CRC_AT) == crc(header, 0, CRC_AT) && header.getLong(0) == MAGIC;
        return isHeader
                ? new BlockFile(
                        header.getLong(8),
                        header.getInt(16),
                        header.getInt(20),
                        header.getLong(24),
                        header.getLong(32),
                        header.getInt(40),
                        header.getInt(44))
                : null;
    }

    /** Whether it is the header of that block, but for the identity. */
    boolean isOf(PartitionBlocks owner, StoredBlock stored) {
        return topicId == owner.topicId()
                && partition == owner.partition()
                && firstOffset == stored.firstOffset()
                && recordCount == stored.recordCount();
    }

    /** Whether the body is as it was written. */
    boolean isSound(ByteBuffer body) {
        return crc(body, 0, length) == bodyCrc;
    }

    private static int crc(ByteBuffer bytes, int from, int to) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate().limit(to).position(from));
        return (int) crc.getValue();
    }
}
