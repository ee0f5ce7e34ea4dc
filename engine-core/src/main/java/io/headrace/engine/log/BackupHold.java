package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What keeps files from being deleted while a backup copies them: a lease, in memory only, so that
 * neither a client nor a process that is gone can hold anything. At most one at a time.
 * Thread-safe.
 */
final class BackupHold {
    private static final Logger LOGGER = LoggerFactory.getLogger(BackupHold.class);

    /** A client renews several times within it. */
    static final long LEASE_MS = 30_000;

    private final LongSupplier nanoClock;

    /** Empty if nothing is held. */
    private String id = "";

    /** Whether the time runs: not before the client has been told. */
    private boolean isLeased;

    private long expiresNs;

    /** The hold that was ended before its client ended it, and why. */
    private String lostId = "";

    private String lostReason = "";

    BackupHold(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    /**
     * Holds, without a limit until the first {@link #renew}.
     *
     * @throws EngineException if another one does
     */
    synchronized void begin(String newId) {
        if (isHeld()) {
            throw new EngineException(
                    "another backup is under way, retry: id=" + id + " leaseMs=" + LEASE_MS);
        }
        id = newId;
        isLeased = false;
    }

    /** Holds for another lease. */
    synchronized void renew(String heldId) {
        if (!isHeld() || !id.equals(heldId)) {
            String why = heldId.equals(lostId) ? lostReason : "no such backup is under way";
            throw new EngineException("the backup has ended: reason=" + why + " id=" + heldId);
        }
        isLeased = true;
        expiresNs = nanoClock.getAsLong() + TimeUnit.MILLISECONDS.toNanos(LEASE_MS);
    }

    synchronized void end(String heldId) {
        if (id.equals(heldId)) {
            id = "";
        }
    }

    /** Whether files must stay; ends a hold whose time is over. */
    synchronized boolean isHeld() {
        if (!id.isEmpty() && isLeased && nanoClock.getAsLong() - expiresNs >= 0) {
            lose("not renewed in time");
        }
        return !id.isEmpty();
    }

    /** Ends what is held, because something else is more important. */
    synchronized void lose(String reason) {
        if (!id.isEmpty()) {
            LOGGER.warn(
                    "backup ended, its files are not kept any more: reason={} id={}", reason, id);
            lostId = id;
            lostReason = reason;
            id = "";
        }
    }
}
