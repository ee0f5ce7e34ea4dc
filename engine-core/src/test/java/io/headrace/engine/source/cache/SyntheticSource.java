package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A partition whose bytes follow from its numbers, and a store that counts and may be down. */
final class SyntheticSource implements BlockSource {
    static final int RECORDS = 10;
    static final int BODY_BYTES = 3000;
    static final int SLAB_BYTES = 4096;
    private static final int BATCH_LENGTH_AT = 8;
    private static final int LEADER_EPOCH_AT = 12;
    private static final int BATCH_LENGTH_OVERHEAD = 12;
    private static final int BATCHES = 3;

    private final long topicId;
    private final int blockCount;
    private final LoadTimes loadTimes = new LoadTimes();
    final AtomicInteger loads = new AtomicInteger();
    final AtomicLong slabBytes;
    private final Executor ahead;
    volatile long salt;
    volatile boolean isDown;
    volatile boolean isSerial;

    /** Numbers of the blocks in the order in which they were loaded. */
    final List<Integer> loaded = Collections.synchronizedList(new ArrayList<>());

    SyntheticSource(long topicId, int blockCount, AtomicLong slabBytes, Executor ahead) {
        this.topicId = topicId;
        this.blockCount = blockCount;
        this.slabBytes = slabBytes;
        this.ahead = ahead;
    }

    @Override
    public StoredBlock blockAt(long offset) {
        return block((int) (offset / RECORDS));
    }

    StoredBlock block(int number) {
        return new Stored(number);
    }

    @Override
    public long endOffset() {
        return (long) blockCount * RECORDS;
    }

    @Override
    public boolean isIndexComplete() {
        return true;
    }

    @Override
    public LoadTimes loadTimes() {
        return loadTimes;
    }

    @Override
    public Executor ahead() {
        return ahead;
    }

    /** The store takes so long for a block. */
    void loadTime(long nanos) {
        for (int i = 0; i < 50; i++) {
            loadTimes.add(nanos);
        }
    }

    /** Fails unless the bytes are those of the block, framed under that leader epoch. */
    void verify(int number, int leaderEpoch, CachedBlock block) {
        assertEquals((long) number * RECORDS, block.firstOffset());
        assertEquals(BODY_BYTES, block.length());
        assertEquals(body(number, leaderEpoch), block.bytes().duplicate().limit(BODY_BYTES));
    }

    private ByteBuffer body(int number, int leaderEpoch) {
        ByteBuffer body = ByteBuffer.allocate(BODY_BYTES);
        for (int i = 0; i < BODY_BYTES; i++) {
            body.put(i, (byte) (topicId * 31 + number * 7 + salt * 3 + i * 13L));
        }
        int length = BODY_BYTES / BATCHES;
        for (int at = 0; at < BODY_BYTES; at += length) {
            body.putInt(at + BATCH_LENGTH_AT, length - BATCH_LENGTH_OVERHEAD);
            body.putInt(at + LEADER_EPOCH_AT, leaderEpoch);
        }
        return body;
    }

    private final class Stored implements StoredBlock {
        private final int number;

        Stored(int number) {
            this.number = number;
        }

        @Override
        public long firstOffset() {
            return (long) number * RECORDS;
        }

        @Override
        public int recordCount() {
            return RECORDS;
        }

        @Override
        public long storedLength() {
            return BODY_BYTES;
        }

        @Override
        public long identity() {
            return topicId * 1_000_003 + number + (salt << 40);
        }

        @Override
        public boolean isSerial() {
            return isSerial;
        }

        @Override
        public LoadTimes loadTimes() {
            return loadTimes;
        }

        @Override
        public CachedBlock load() throws IOException {
            if (isDown) {
                throw new IOException("store is down");
            }
            loads.incrementAndGet();
            loaded.add(number);
            HeapSlab slab = new HeapSlab(SLAB_BYTES, slabBytes);
            slab.buffer().put(0, body(number, 1), 0, BODY_BYTES);
            return CachedBlock.fromStore(firstOffset(), RECORDS, slab, BODY_BYTES, identity());
        }
    }
}
