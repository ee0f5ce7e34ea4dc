package io.headrace.server.simulation;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.BufferUtil;

/**
 * Memory for files that are mapped: pieces of one real file, so that a mapping of a simulated file
 * is a real one, which the engine unmaps. Used again for each run.
 */
final class MappedArena implements AutoCloseable {
    /** Bytes of a cycle file; Chronicle's are as long as they were allocated. */
    private static final int PIECE_BYTES = 32 << 10;

    private final int pieceBytes;
    private final FileChannel file;
    private final List<MappedByteBuffer> pieces = new ArrayList<>();
    private final Map<ByteBuffer, Integer> numbers = new IdentityHashMap<>();
    private int used;

    MappedArena() {
        this(PIECE_BYTES);
    }

    /**
     * @param pieceBytes twice what the longest batch takes, at least
     */
    MappedArena(int pieceBytes) {
        this.pieceBytes = pieceBytes;
        try {
            Path memory = Path.of("/dev/shm");
            Path path =
                    Files.isWritable(memory)
                            ? Files.createTempFile(memory, "headrace-simulation", "")
                            : Files.createTempFile("headrace-simulation", "");
            file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            Files.delete(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int pieceBytes() {
        return pieceBytes;
    }

    /** A piece of zeros, until {@link #reset}. */
    ByteBuffer take() throws IOException {
        if (used == pieces.size()) {
            MappedByteBuffer added =
                    file.map(MapMode.READ_WRITE, (long) used * pieceBytes, pieceBytes);
            numbers.put(added, used);
            pieces.add(added);
        }
        MappedByteBuffer piece = pieces.get(used++);
        for (int at = 0; at < pieceBytes; at += Long.BYTES) {
            piece.putLong(at, 0);
        }
        return piece;
    }

    static long address(ByteBuffer piece) {
        return BufferUtil.address(piece);
    }

    /** A mapping of a piece's first bytes, to be unmapped by whoever has it. */
    MappedByteBuffer map(ByteBuffer piece, int length) throws IOException {
        Integer number = numbers.get(piece);
        if (number == null) {
            throw new IOException("not simulated: a mapping of a file that was not mapped");
        }
        return file.map(MapMode.READ_ONLY, (long) number * pieceBytes, length);
    }

    /** All pieces are free again. */
    void reset() {
        used = 0;
    }

    @Override
    public void close() {
        pieces.forEach(BufferUtil::free);
        pieces.clear();
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
