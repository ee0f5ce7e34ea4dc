package io.headrace.kafka;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Writable;

/** Writes the fields of messages into a buffer. */
public class BufferWriter implements Writable {
    /** Where the fields go. */
    protected ByteBuf fields;

    /**
     * @param fields where to write; stays its owner's
     */
    public BufferWriter(ByteBuf fields) {
        this.fields = fields;
    }

    /** Writes a message, or an element of one, by itself. */
    public void write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        message.addSize(new MessageSizeAccumulator(), cache, version);
        message.write(this, cache, version);
    }

    @Override
    public void writeByte(byte value) {
        fields.writeByte(value);
    }

    @Override
    public void writeShort(short value) {
        fields.writeShort(value);
    }

    @Override
    public void writeInt(int value) {
        fields.writeInt(value);
    }

    @Override
    public void writeLong(long value) {
        fields.writeLong(value);
    }

    @Override
    public void writeDouble(double value) {
        fields.writeDouble(value);
    }

    @Override
    public void writeByteArray(byte[] value) {
        fields.writeBytes(value);
    }

    @Override
    public void writeByteBuffer(ByteBuffer value) {
        fields.writeBytes(value.duplicate());
    }

    @Override
    public void writeUnsignedVarint(int value) {
        int rest = value;
        while ((rest & 0xFFFFFF80) != 0) {
            fields.writeByte(rest & 0x7F | 0x80);
            rest >>>= 7;
        }
        fields.writeByte(rest);
    }

    @Override
    public void writeVarint(int value) {
        writeUnsignedVarint(value << 1 ^ value >> 31);
    }

    @Override
    public void writeVarlong(long value) {
        long rest = value << 1 ^ value >> 63;
        while ((rest & 0xFFFFFFFFFFFFFF80L) != 0) {
            fields.writeByte((int) rest & 0x7F | 0x80);
            rest >>>= 7;
        }
        fields.writeByte((int) rest);
    }
}
