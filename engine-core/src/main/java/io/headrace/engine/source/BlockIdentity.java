package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.source.ListedObject.Member;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A hash of all that a block's bytes depend on, so that a file in the SSD cache that was written
 * for another block, of this data folder or of another, is not taken for this one. Part of the
 * format of these files: docs/design/formats.md, "Cached blocks".
 */
final class BlockIdentity {
    private static final long FNV_BASIS = 0xCBF29CE484222325L;
    private static final long FNV_PRIME = 0x100000001B3L;

    private long hash = FNV_BASIS;

    private BlockIdentity() {}

    static long of(Topic topic, SourceSpec spec, SourceBlock block, SourceIndex index) {
        BlockIdentity identity = new BlockIdentity();
        identity.addConfigs(topic.configs());
        identity.add(topic.partitionCount());
        identity.addBlock(block);
        identity.addSkipped(block, spec.skipped().of(block.partition()));
        boolean isOfSeveral =
                block.kind() == SourceBlock.Kind.OBJECTS || block.kind() == SourceBlock.Kind.JOINED;
        int objectCount = isOfSeveral ? block.recordCount() : 1;
        for (int i = 0; i < objectCount; i++) {
            identity.addListed(index, block, block.ordinal() + (long) i * topic.partitionCount());
        }
        return identity.hash;
    }

    private void addConfigs(Map<String, String> configs) {
        for (String key : SourceSpec.FIXED_CONFIGS) {
            add(configs.getOrDefault(key, ""));
        }
    }

    private void addBlock(SourceBlock block) {
        add(block.partition());
        add(block.firstOffset());
        add(block.recordCount());
        add(block.kind().code());
        add(block.ordinal());
        add(block.fromByte());
        add(block.toByte());
        add(block.recordLengthMax());
    }

    private void addSkipped(SourceBlock block, SkippedOffsets.Of skipped) {
        for (long offset = block.firstOffset(); offset < block.endOffset(); offset++) {
            if (skipped.contains(offset)) {
                add(offset);
            }
        }
    }

    private void addListed(SourceIndex index, SourceBlock block, long ordinal) {
        ListedObject listed = index.listed(block.topicId(), ordinal);
        if (listed == null) {
            throw new EngineException(
                    "source index has no such object: topicId="
                            + block.topicId()
                            + " ordinal="
                            + ordinal);
        }
        addObject(listed.object());
        for (Member member : listed.members()) {
            add(member.name());
            addObject(member.object());
        }
    }

    private void addObject(StoredObject object) {
        add(object.key());
        add(object.length());
        add(object.version());
        add(object.modifiedMs());
    }

    private void add(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        add(bytes.length);
        for (byte b : bytes) {
            addByte(b);
        }
    }

    private void add(long number) {
        for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
            addByte((byte) (number >>> shift));
        }
    }

    private void addByte(byte b) {
        hash = (hash ^ (b & 0xFF)) * FNV_PRIME;
    }
}
