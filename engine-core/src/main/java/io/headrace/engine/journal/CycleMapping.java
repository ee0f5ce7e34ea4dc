package io.headrace.engine.journal;

import io.headrace.engine.spi.Journal;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.agrona.BufferUtil;

/**
 * Our own read-only mapping of one cycle file, counted: one reference is the journal's while the
 * cycle is in the recent window, each lease holds another, the last one unmaps.
 *
 * <p>Thread-safe. The object is its own lease, so that taking one allocates nothing; each lease is
 * closed once.
 */
final class CycleMapping implements Journal.JournalLease {
    private static final VarHandle REFERENCES;

    static {
        try {
            REFERENCES =
                    MethodHandles.lookup()
                            .findVarHandle(CycleMapping.class, "references", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final ByteBuffer buffer;
    private volatile int references = 1;

    CycleMapping(ByteBuffer buffer) {
        this.buffer = buffer;
    }

    /** False if the last reference is already gone. */
    boolean tryAcquire() {
        while (true) {
            // Opaque is enough to read the count: the CAS orders what matters.
            int count = (int) REFERENCES.getOpaque(this);
            if (count == 0) {
                return false;
            }
            if (REFERENCES.compareAndSet(this, count, count + 1)) {
                return true;
            }
        }
    }

    @Override
    public ByteBuffer buffer() {
        return buffer;
    }

    @Override
    public void close() {
        // Full order: every reader's last access happens before the unmapping.
        int before = (int) REFERENCES.getAndAdd(this, -1);
        if (before <= 0) {
            REFERENCES.getAndAdd(this, 1);
            throw new IllegalStateException("journal lease closed twice");
        }
        if (before == 1) {
            BufferUtil.free(buffer);
        }
    }
}
