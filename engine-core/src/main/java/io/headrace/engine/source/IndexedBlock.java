package io.headrace.engine.source;

import io.headrace.engine.source.cache.CachedBlock;
import io.headrace.engine.source.cache.LoadTimes;
import io.headrace.engine.source.cache.StoredBlock;
import java.io.IOException;

/** A block of the index, and the way to its objects. */
final class IndexedBlock implements StoredBlock {
    private final SourceTopic topic;
    private final SourceLogs logs;
    private final SourceBlock block;
    private final boolean isSerial;

    /** Looks the object up in the index. */
    IndexedBlock(SourceTopic topic, SourceLogs logs, SourceBlock block) {
        this.topic = topic;
        this.logs = logs;
        this.block = block;
        this.isSerial =
                block.kind() == SourceBlock.Kind.SAMPLES && topic.isCompressed(block.ordinal());
    }

    @Override
    public long firstOffset() {
        return block.firstOffset();
    }

    @Override
    public int recordCount() {
        return block.recordCount();
    }

    @Override
    public long storedLength() {
        int framed = block.framedLength();
        return framed > 0 ? framed : block.toByte() - block.fromByte();
    }

    @Override
    public long identity() {
        return topic.identity(block, topic.spec());
    }

    @Override
    public LoadTimes loadTimes() {
        return topic.loadTimes();
    }

    /** A compressed object is decoded from its beginning on. */
    @Override
    public boolean isSerial() {
        return isSerial;
    }

    @Override
    public CachedBlock load() throws IOException {
        return logs.cache()
                .cached(topic, logs.loader().load(topic.spec(), block, topic.partitionCount()));
    }
}
