package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.core.Jvm;
import net.openhft.chronicle.core.io.BackgroundResourceReleaser;
import net.openhft.chronicle.core.io.ReferenceOwner;
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

    private static final ByteBuffer FIRST_PAGE = ByteBuffer.allocateDirect((int) PAGE_BYTES);

    private final Path folder;
    private final long fileBytes;
    private final Disk disk;
    private final CycleNumbering numbering;
    private final SingleChronicleQueue queue;
    private final ExcerptAppender appender;
    private final ReferenceOwner owner = ReferenceOwner.temporary("journal");
    private @Nullable DocumentContext document;
    private @Nullable BytesStore<?, ?> mapping;
    private boolean isNewCycle;

    ChronicleDocuments(Path folder, int firstCycle, long fileBytes, Disk disk) {
        this.folder = folder;
        this.fileBytes = fileBytes;
        this.disk = disk;
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
    public long begin() throws IOException {
        if (isNewCycle) {
            bringFirstPageIn();
        }
        document = appender.writingDocument();
        long offset = bytes().writePosition();
        if (isNewCycle) {
            isNewCycle = false;
            switchReadAheadOff(address(offset) - offset);
            keepMapping();
        }
        return offset;
    }

    /**
     * Chronicle's first store into a new file would have the kernel fill a whole read-ahead window
     * with zeros, in which time nobody appends: 3 ms with one of 4 MiB. The advice against that can
     * only be given once the file is mapped.
     *
     * <p>And a store into a page that the disk has no room for ends the process, where a write call
     * that fails is a refusal: so the page is there before the first store, or that does not come.
     * A file that is longer was begun before, when it could not be allocated.
     */
    private void bringFirstPageIn() throws IOException {
        Path file = folder.resolve(CycleNumbering.fileName(numbering.cycle()));
        try (FileChannel channel =
                disk.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (channel.size() < PAGE_BYTES) {
                Disk.write(channel, FIRST_PAGE.duplicate(), 0);
            }
        }
    }

    /** Advice only: nothing depends on whether the kernel takes it. */
    private void switchReadAheadOff(long mappingAddress) {
        PosixAPI.posix().madvise(mappingAddress, fileBytes & -PAGE_BYTES, NO_READ_AHEAD);
    }

    /**
     * Unmapping 128 MiB takes 2 ms and more, in which nobody could append: the mapping of the cycle
     * before is let go on Chronicle's own thread for such things.
     */
    private void keepMapping() {
        BytesStore<?, ?> before = mapping;
        BytesStore<?, ?> begun = Objects.requireNonNull(bytes().bytesStore(), "mapping");
        if (begun != before) {
            begun.reserve(owner);
            mapping = begun;
            if (before != null) {
                BackgroundResourceReleaser.run(() -> before.release(owner));
            }
        }
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
        BytesStore<?, ?> last = mapping;
        if (last != null) {
            mapping = null;
            last.release(owner);
        }
        // Chronicle unmaps on a thread of its own; the caller counts on the files being let go.
        BackgroundResourceReleaser.releasePendingResources();
    }
}
