package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * A metadata command: what a {@code COMMAND} entry of the metadata journal says. Its first byte is
 * the kind; specified in docs/design/formats.md.
 */
sealed interface Command {
    /** A start of the engine: a new leader epoch. */
    record Start(int leaderEpoch, String bootId) implements Command {
        static final byte KIND = 1;
    }

    /** A clean stop: everything appended in this epoch is on disk. */
    record Stop(int leaderEpoch) implements Command {
        static final byte KIND = 2;
    }

    /** A topic as it is from now on; new or changed. */
    record PutTopic(TopicRow topic) implements Command {
        static final byte KIND = 3;
    }

    /** A topic is gone. */
    record DeleteTopic(long topicId) implements Command {
        static final byte KIND = 4;
    }

    /** Producer ids below are taken. */
    record ProducerIds(long nextProducerId) implements Command {
        static final byte KIND = 5;
    }

    /** The folder was restored: what is below the floor may have been given out already. */
    record Restored(long floor) implements Command {
        static final byte KIND = 6;
    }

    /** The bytes of the command. */
    default byte[] encode() {
        if (this instanceof Start start) {
            byte[] boot = start.bootId.getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(1 + Integer.BYTES + Short.BYTES + boot.length)
                    .put(Start.KIND)
                    .putInt(start.leaderEpoch)
                    .putShort((short) boot.length)
                    .put(boot)
                    .array();
        }
        if (this instanceof Stop stop) {
            return ByteBuffer.allocate(1 + Integer.BYTES)
                    .put(Stop.KIND)
                    .putInt(stop.leaderEpoch)
                    .array();
        }
        if (this instanceof PutTopic put) {
            byte[] row = put.topic.encode();
            return ByteBuffer.allocate(1 + Long.BYTES + row.length)
                    .put(PutTopic.KIND)
                    .putLong(put.topic.id())
                    .put(row)
                    .array();
        }
        if (this instanceof DeleteTopic delete) {
            return ByteBuffer.allocate(1 + Long.BYTES)
                    .put(DeleteTopic.KIND)
                    .putLong(delete.topicId)
                    .array();
        }
        if (this instanceof Restored restored) {
            return ByteBuffer.allocate(1 + Long.BYTES)
                    .put(Restored.KIND)
                    .putLong(restored.floor)
                    .array();
        }
        return ByteBuffer.allocate(1 + Long.BYTES)
                .put(ProducerIds.KIND)
                .putLong(((ProducerIds) this).nextProducerId)
                .array();
    }

    /** The command in these bytes. */
    static Command decode(ByteBuffer payload) {
        ByteBuffer buffer = payload.duplicate();
        byte kind = buffer.get();
        return switch (kind) {
            case Start.KIND -> new Start(buffer.getInt(), string(buffer));
            case Stop.KIND -> new Stop(buffer.getInt());
            case PutTopic.KIND -> new PutTopic(TopicRow.decode(buffer.getLong(), buffer));
            case DeleteTopic.KIND -> new DeleteTopic(buffer.getLong());
            case ProducerIds.KIND -> new ProducerIds(buffer.getLong());
            case Restored.KIND -> new Restored(buffer.getLong());
            default -> throw new EngineException("unknown metadata command: kind=" + kind);
        };
    }

    private static String string(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.getShort() & 0xFFFF];
        buffer.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /**
     * A topic as the catalog stores it.
     *
     * @param createdEpoch leader epoch in which it was created
     */
    record TopicRow(
            long id,
            int createdEpoch,
            int journal,
            int partitionCount,
            String name,
            Map<String, String> configs) {
        private static final byte VERSION = 1;

        byte[] encode() {
            byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
            int length = 1 + Integer.BYTES + Short.BYTES + Integer.BYTES + Short.BYTES;
            length += nameBytes.length + Short.BYTES;
            Map<byte[], byte[]> encoded = new LinkedHashMap<>();
            for (Map.Entry<String, String> config : new TreeMap<>(configs).entrySet()) {
                byte[] key = config.getKey().getBytes(StandardCharsets.UTF_8);
                byte[] value = config.getValue().getBytes(StandardCharsets.UTF_8);
                encoded.put(key, value);
                length += 2 * Short.BYTES + key.length + value.length;
            }
            ByteBuffer buffer = ByteBuffer.allocate(length);
            buffer.put(VERSION).putInt(createdEpoch).putShort((short) journal);
            buffer.putInt(partitionCount).putShort((short) nameBytes.length).put(nameBytes);
            buffer.putShort((short) encoded.size());
            encoded.forEach(
                    (key, value) ->
                            buffer.putShort((short) key.length)
                                    .put(key)
                                    .putShort((short) value.length)
                                    .put(value));
            return buffer.array();
        }

        static TopicRow decode(long id, ByteBuffer buffer) {
            byte version = buffer.get();
            if (version != VERSION) {
                throw Rows.unknownVersion("topic", version);
            }
            int createdEpoch = buffer.getInt();
            int journal = buffer.getShort();
            int partitionCount = buffer.getInt();
            String name = string(buffer);
            int configCount = buffer.getShort();
            Map<String, String> configs = new LinkedHashMap<>();
            for (int i = 0; i < configCount; i++) {
                configs.put(string(buffer), string(buffer));
            }
            return new TopicRow(id, createdEpoch, journal, partitionCount, name, configs);
        }

        TopicRow withPartitionCount(int count) {
            return new TopicRow(id, createdEpoch, journal, count, name, configs);
        }

        TopicRow withConfigs(Map<String, String> changed) {
            return new TopicRow(id, createdEpoch, journal, partitionCount, name, changed);
        }
    }
}
