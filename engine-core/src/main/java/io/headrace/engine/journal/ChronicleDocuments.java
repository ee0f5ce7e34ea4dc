package io.headrace.engine.journal;

import java.nio.file.Path;
import java.util.Objects;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.core.Jvm;
import net.openhft.chronicle.core.io.BackgroundResourceReleaser;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueue;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import net.openhft.chronicle.wire.DocumentContext;
import net.openhft.posix.PosixAPI;
import org.jspecify.annotations.Nullable;

/** Documents of a Chronicle Queue, in its mapping. Nothing is allocated per document. */
final class ChronicleDocuments implements CycleDocuments {
    static {
        silence("chronicle.announcer.disable");
        silence("chronicle.analytics.disable");
        silence("chronicle.disk.monitor.disable");
    }

    /** MADV_RANDOM of linux/mman.h. */
    private static final int NO_READ_AHEAD = 1;

    private static final long PAGE_BYTES = 4096;

    private final long fileBytes;
    private final CycleNumbering numbering;
    private final SingleChronicleQueue queue;
    private final ExcerptAppender appender;
    private @Nullable DocumentContext document;
    private boolean isNewCycle;

    ChronicleDocuments(Path folder, int firstCycle, long fileBytes) {
        this.fileBytes = fileBytes;
        numbering = new CycleNumbering(firstCycle);
        // Chronicle reports each slow mmap and file creation; those are ours to measure.
        Jvm.disablePerfHandler();
        queue =
                SingleChronicleQueueBuilder.binary(folder)
                        .rollCycle(numbering)
                        .timeProvider(numbering)
                        .blockSize(fileBytes)
                        .checkInterrupts(false)
                        .build();
        appender = queue.createAppender();
        appender.singleThreadedCheckDisabled(true);
    }

    private static void silence(String property) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, "true");
        }
    }

    @Override
    public void cycle(int cycle) {
        numbering.cycle(cycle);
        isNewCycle = true;
    }

    @Override
    public long begin() {
        document = appender.writingDocument();
        long offset = bytes().writePosition();
        if (isNewCycle) {
            isNewCycle = false;
            switchReadAheadOff(address(offset) - offset);
        }
        return offset;
    }

    /** Advice only: nothing depends on whether the kernel takes it. */
    private void switchReadAheadOff(long mappingAddress) {
        PosixAPI.posix().madvise(mappingAddress, fileBytes & -PAGE_BYTES, NO_READ_AHEAD);
    }

    @Override
    public long address(long offset) {
        return bytes().addressForWrite(offset);
    }

    @Override
    public void end(int length) {
        bytes().writeSkip(length);
        begun().close();
        document = null;
    }

    @Override
    public void takeBack() {
        DocumentContext begun = begun();
        document = null;
        begun.rollbackOnClose();
        begun.close();
    }

    private Bytes<?> bytes() {
        return Objects.requireNonNull(begun().wire(), "wire").bytes();
    }

    private DocumentContext begun() {
        return Objects.requireNonNull(document, "document");
    }

    @Override
    public void close() {
        appender.close();
        queue.close();
        // Chronicle unmaps on a thread of its own; the caller counts on the files being let go.
        BackgroundResourceReleaser.releasePendingResources();
    }
}
