package io.headrace.kafka;

import io.netty.buffer.ByteBuf;
import java.util.List;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.protocol.Writable;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * A response body that is encoded already, for one version: where the objects of a whole response
 * would take many times its bytes.
 */
public final class EncodedResponse implements ApiMessage {
    private final ApiKeys api;
    private final short version;
    private final List<ByteBuf> parts;

    /**
     * @param api which is answered
     * @param version in which the parts are encoded
     * @param parts in order; owned by this object until {@link #release}
     */
    public EncodedResponse(ApiKeys api, short version, List<ByteBuf> parts) {
        this.api = api;
        this.version = version;
        this.parts = parts;
    }

    /** Sum of the parts' lengths, in bytes. */
    public long length() {
        return parts.stream().mapToLong(ByteBuf::readableBytes).sum();
    }

    /** Gives the parts back; to be called when the response was written or will not be. */
    public void release() {
        parts.forEach(ByteBuf::release);
    }

    @Override
    public short apiKey() {
        return api.id;
    }

    @Override
    public short lowestSupportedVersion() {
        return version;
    }

    @Override
    public short highestSupportedVersion() {
        return version;
    }

    @Override
    public void addSize(MessageSizeAccumulator size, ObjectSerializationCache cache, short asked) {
        parts.forEach(part -> size.addZeroCopyBytes(part.readableBytes()));
    }

    @Override
    public void write(Writable writable, ObjectSerializationCache cache, short asked) {
        ((ResponseEncoder) writable).writeParts(parts);
    }

    @Override
    public void read(Readable readable, short asked) {
        throw new UnsupportedOperationException("only written");
    }

    @Override
    public List<RawTaggedField> unknownTaggedFields() {
        return List.of();
    }

    @Override
    public Message duplicate() {
        throw new UnsupportedOperationException("only written");
    }
}
