package io.headrace.kafka.topic;

import io.headrace.kafka.BufferWriter;
import io.headrace.kafka.EncodedResponse;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopic;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Encodes a Metadata response with very many topics, page by page.
 *
 * <p>The array of topics is followed by at most three short fields. So the response without topics
 * is encoded by the generated code, and cut where the number of topics, 0, stands.
 *
 * <p>Used by one thread.
 */
final class AllTopicsEncoder {
    private static final short FLEXIBLE_SINCE = 9;
    private static final int PAGE_BYTES = 64 * 1024;

    private final short version;
    private final List<ByteBuf> parts = new ArrayList<>();
    private int topicCount;
    private long length;
    private boolean finished;

    AllTopicsEncoder(short version) {
        this.version = version;
    }

    /** Bytes of the topics that were added. */
    long length() {
        return length;
    }

    void beginPage() {
        parts.add(PooledByteBufAllocator.DEFAULT.directBuffer(PAGE_BYTES));
    }

    void add(MetadataResponseTopic topic) {
        ByteBuf page = parts.get(parts.size() - 1);
        int before = page.writerIndex();
        new BufferWriter(page).write(topic, version);
        length += page.writerIndex() - before;
        topicCount++;
    }

    /**
     * Ends the response; what it holds is then the response's.
     *
     * @param envelope everything but the topics
     */
    EncodedResponse finish(MetadataResponseData envelope) {
        ByteBuf encoded = PooledByteBufAllocator.DEFAULT.directBuffer();
        parts.add(encoded); // so that an exception below releases it
        new BufferWriter(encoded).write(envelope, version);
        int tailLength = tailLength();
        ByteBuf head = PooledByteBufAllocator.DEFAULT.directBuffer();
        parts.add(0, head);
        head.writeBytes(encoded, encoded.readableBytes() - tailLength - countLength());
        writeCount(head);
        encoded.skipBytes(countLength());
        finished = true;
        return new EncodedResponse(ApiKeys.METADATA, version, parts);
    }

    /** Gives back what was encoded, unless a response has taken it over. */
    void release() {
        if (!finished) {
            parts.forEach(ByteBuf::release);
        }
    }

    /** Length of the number 0 as it is encoded. */
    private int countLength() {
        return version >= FLEXIBLE_SINCE ? 1 : Integer.BYTES;
    }

    private void writeCount(ByteBuf head) {
        BufferWriter writer = new BufferWriter(head);
        if (version >= FLEXIBLE_SINCE) {
            writer.writeUnsignedVarint(topicCount + 1);
        } else {
            writer.writeInt(topicCount);
        }
    }

    /** Length of what follows the topics: authorized operations, error code, tagged fields. */
    private int tailLength() {
        int authorizedOperations = version >= 8 && version <= 10 ? Integer.BYTES : 0;
        int errorCode = version >= 13 ? Short.BYTES : 0;
        int taggedFields = version >= FLEXIBLE_SINCE ? 1 : 0;
        return authorizedOperations + errorCode + taggedFields;
    }
}
