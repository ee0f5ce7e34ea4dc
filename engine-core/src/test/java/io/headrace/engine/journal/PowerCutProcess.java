package io.headrace.engine.journal;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the power-cut suite runs in its guest (bench/powercut): checks all that earlier runs left
 * and prints {@code FOUND n}, the number of the last batch; then appends numbered batches while it
 * syncs, and prints {@code SYNCED n} after each sync, until the power goes. Arguments: folder, and
 * {@code unforced} to plant the bug that the suite must see.
 */
final class PowerCutProcess {
    private static final int CYCLE_BYTES = 4 << 20;
    private static final int CYCLES_KEPT = 8;
    private static final int AHEAD_MAX = 200;

    private PowerCutProcess() {}

    public static void main(String[] arguments) throws IOException {
        boolean unforced = arguments.length > 1 && arguments[1].equals("unforced");
        JournalContext context =
                new JournalContext()
                        .folder(Path.of(arguments[0]))
                        .cycleBytes(CYCLE_BYTES)
                        .diskReserveBytes(0)
                        .files(unforced ? new Unforced() : JournalFiles.SYSTEM);
        Journal journal = ChronicleJournal.open(context);
        long last = verify(journal);
        System.out.println("FOUND " + last);
        appendForEver(journal, last + 1);
    }

    /** Every batch that is there is whole and follows the one before. */
    private static long verify(Journal journal) throws IOException {
        long[] last = {-1};
        journal.replay(
                journal.firstPosition(),
                journal.appendedPosition(),
                (position, type, topicId, partition, baseOffset, leaderEpoch, time, payload) -> {
                    if (last[0] >= 0 && baseOffset != last[0] + 1) {
                        throw new IllegalStateException(baseOffset + " follows " + last[0]);
                    }
                    requireBytes(baseOffset, payload);
                    last[0] = baseOffset;
                });
        return last[0];
    }

    private static void requireBytes(long number, ByteBuffer payload) {
        ByteBuffer expected = batch(number);
        if (!expected.slice(16, expected.limit() - 16)
                .equals(payload.slice(16, payload.limit() - 16))) {
            throw new IllegalStateException("other bytes in " + number);
        }
    }

    private static ByteBuffer batch(long number) {
        return Batches.batch((int) (number * 7919 % 30_000), number);
    }

    /** Appends on a thread of its own, as far ahead of the syncs as is allowed. */
    private static void appendForEver(Journal journal, long first) throws IOException {
        AtomicLong appended = new AtomicLong(first - 1);
        Semaphore ahead = new Semaphore(AHEAD_MAX);
        Thread appender = new Thread(() -> append(journal, appended, ahead), "appender");
        appender.setDaemon(true);
        appender.start();
        long synced = first - 1;
        while (appender.isAlive()) {
            long target = appended.get();
            if (target == synced) {
                Thread.onSpinWait();
                continue;
            }
            journal.sync();
            System.out.println("SYNCED " + target);
            ahead.release((int) (target - synced));
            synced = target;
            if (journal.cycles().size() > CYCLES_KEPT) {
                journal.deleteCycle(journal.cycles().get(0).cycle());
            }
        }
    }

    private static void append(Journal journal, AtomicLong appended, Semaphore ahead) {
        while (true) {
            ahead.acquireUninterruptibly();
            long number = appended.get() + 1;
            if (journal.append(EntryType.BATCH, 1, 0, number, 0, batch(number)) < 0) {
                throw new IllegalStateException("out of space");
            }
            appended.set(number);
        }
    }

    /** The planted bug: whoever asks for a force is told that it was done. */
    private static final class Unforced implements JournalFiles {
        @Override
        public void force(FileChannel channel, boolean metadata) {}

        @Override
        public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
            SYSTEM.write(channel, bytes, offset);
        }

        @Override
        public void forceDirectory(Path folder) {}

        @Override
        public void allocate(FileDescriptor descriptor, long length) throws IOException {
            SYSTEM.allocate(descriptor, length);
        }

        @Override
        public long usableBytes(Path folder) throws IOException {
            return SYSTEM.usableBytes(folder);
        }
    }
}
