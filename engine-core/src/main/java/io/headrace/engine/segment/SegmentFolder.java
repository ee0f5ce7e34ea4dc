package io.headrace.engine.segment;

import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.Journal.JournalFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The segments of one data journal. Thread-safe; the file system keeps its state. */
public final class SegmentFolder {
    private static final Pattern SEGMENT = Pattern.compile("([0-9]{10})\\.segment");
    private static final Pattern TEMPORARY = Pattern.compile("[0-9]{10}\\.tmp");

    private final Path path;
    private final int journal;
    private final SegmentFiles files;

    private SegmentFolder(Path path, int journal, SegmentFiles files) {
        this.path = path;
        this.journal = journal;
        this.files = files;
    }

    /**
     * Opens the folder, created if it is not there, and deletes what was not finished. Its name is
     * forced also if it is there: who made it may have been killed before that.
     *
     * @param segments folder of all journals' segments
     */
    public static SegmentFolder open(Path segments, int journal, SegmentFiles files)
            throws IOException {
        Path path = segments.resolve("data-" + journal);
        Files.createDirectories(path);
        files.forceDirectory(segments);
        files.forceDirectory(segments.resolve("..").normalize());
        SegmentFolder folder = new SegmentFolder(path, journal, files);
        folder.deleteUnfinished();
        return folder;
    }

    private void deleteUnfinished() throws IOException {
        for (Path file : children()) {
            if (TEMPORARY.matcher(nameOf(file)).matches()) {
                files.delete(file);
            }
        }
    }

    /** Numbers of the segments that are there, ascending. */
    public List<Integer> numbers() throws IOException {
        return children().stream()
                .map(file -> SEGMENT.matcher(nameOf(file)))
                .filter(Matcher::matches)
                .map(name -> Integer.parseInt(name.group(1)))
                .sorted()
                .toList();
    }

    /** Whether a segment is there. */
    public boolean exists(int segment) {
        return Files.exists(path(segment));
    }

    /** Bytes of a segment's file. */
    public long length(int segment) throws IOException {
        return Files.size(path(segment));
    }

    /** The files of all that are there, for whoever copies them; nobody deletes any meanwhile. */
    public List<JournalFile> list() throws IOException {
        List<JournalFile> found = new ArrayList<>();
        for (int segment : numbers()) {
            found.add(new JournalFile(path(segment), length(segment), true));
        }
        return found;
    }

    private List<Path> children() throws IOException {
        try (Stream<Path> paths = Files.list(path)) {
            return paths.toList();
        }
    }

    private static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }

    /**
     * Begins a segment.
     *
     * @param blockBytes a buffer of {@link SegmentWriter#BLOCK_LENGTH_MAX} bytes, lent until the
     *     writer is closed
     */
    public SegmentWriter begin(int segment, SegmentGroup group, ByteBuffer blockBytes)
            throws IOException {
        return new SegmentWriter(this, segment, group, blockBytes);
    }

    /** Opens a segment to read all of it. */
    public SegmentReader read(int segment) throws IOException {
        return SegmentReader.open(files, path(segment), journal, segment);
    }

    /** Opens a segment to read single batches, which the caller checks. */
    public ColdFile openCold(int segment) throws IOException {
        FileChannel channel = files.open(path(segment));
        return new ColdFile() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                files.read(channel, into, offset);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    /**
     * The class of retention of a segment, at the cost of one short read.
     *
     * @throws CorruptSegmentException if its header is not sound
     */
    public int retentionClass(int segment) throws IOException {
        ByteBuffer header = SegmentFrame.allocate(SegmentFrame.HEADER_LENGTH);
        try (FileChannel channel = files.open(path(segment))) {
            files.read(channel, header, 0);
        }
        String fault = SegmentFrame.headerFault(header, journal, segment);
        if (fault != null) {
            throw new CorruptSegmentException(fault, path(segment), 0);
        }
        return SegmentFrame.retentionClass(header);
    }

    /**
     * Bytes of the batches in a segment, at the cost of one short read.
     *
     * @throws CorruptSegmentException if its trailer is not sound
     */
    public long batchBytes(int segment) throws IOException {
        long offset = length(segment) - SegmentFrame.TRAILER_LENGTH;
        ByteBuffer trailer = SegmentFrame.allocate(SegmentFrame.TRAILER_LENGTH);
        if (offset < SegmentFrame.HEADER_LENGTH) {
            throw new CorruptSegmentException("file is too short", path(segment), offset);
        }
        try (FileChannel channel = files.open(path(segment))) {
            files.read(channel, trailer, offset);
        }
        long length = offset + SegmentFrame.TRAILER_LENGTH;
        String fault = SegmentFrame.trailerFault(trailer, segment, length);
        if (fault != null) {
            throw new CorruptSegmentException(fault, path(segment), offset);
        }
        return SegmentFrame.footerOffset(trailer) - SegmentFrame.HEADER_LENGTH;
    }

    /** Deletes a segment; nothing happens if it is not there. */
    public void delete(int segment) throws IOException {
        try {
            files.delete(path(segment));
        } catch (NoSuchFileException e) {
            // An earlier attempt had done it, whatever that was told.
        }
    }

    /** The file of a segment. */
    public Path path(int segment) {
        return path.resolve(String.format("%010d.segment", segment));
    }

    Path temporary(int segment) {
        return path.resolve(String.format("%010d.tmp", segment));
    }

    Path path() {
        return path;
    }

    int journal() {
        return journal;
    }

    SegmentFiles files() {
        return files;
    }
}
