package io.headrace.engine.backup;

import io.headrace.engine.EngineException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The lock of a data folder, for tools that must have it to themselves. */
public final class DataLock {
    static final String FILE = ".lock";

    private DataLock() {}

    /**
     * Keeps every other process out until the channel is closed.
     *
     * @throws EngineException if a process has the folder
     */
    public static FileChannel hold(Path data) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        data.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // in use by this very process: the same answer
        }
        if (lock == null) {
            channel.close();
            throw new EngineException("data folder is in use by another process: folder=" + data);
        }
        return channel;
    }
}
