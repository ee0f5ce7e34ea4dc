package io.headrace.engine;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What a backup of a running engine needs: one moment of all its files, and that none of them goes
 * while they are copied. Thread-safe; docs/design/backup.md says what is promised.
 */
@Experimental
public interface Backups {

    /**
     * Takes a cut: everything that was acknowledged before this call is in it. From then on no file
     * of the data folder is deleted, until {@link #end}, or until the cut has not been renewed for
     * {@link Cut#leaseMs}, or until space is short.
     *
     * @return completes when the cut is on stable storage; exceptionally with an {@link
     *     EngineException} if another backup is under way, or the disk failed
     */
    CompletableFuture<Cut> begin();

    /**
     * Keeps the files of a cut for another lease.
     *
     * @throws EngineException if they are not kept any more, saying why
     */
    void renew(String id);

    /** Lets go of the files of a cut; does nothing if that has happened already. */
    void end(String id);

    /**
     * One moment of an engine.
     *
     * @param id by which it is renewed and ended; no other cut has it
     * @param folder the data folder
     * @param leaderEpoch of the engine
     * @param madeAtMs by the system's clock, since 1970
     * @param leaseMs within which it has to be renewed
     * @param files of which a backup consists
     */
    record Cut(
            String id,
            Path folder,
            int leaderEpoch,
            long madeAtMs,
            long leaseMs,
            List<CutFile> files) {}

    /**
     * One file of a cut.
     *
     * @param path within the data folder
     * @param length bytes of it that belong to the cut; the file may have more
     * @param isFinal whether the file will never be changed again, so that another name for it is
     *     as good as a copy
     */
    record CutFile(Path path, long length, boolean isFinal) {}
}
