package io.headrace.server.engine;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;

/** A store that lists all its objects, and lets those be read whose names sort before a gate. */
final class GatedStore implements ObjectStore {
    private final ObjectStore delegate;
    private String gate = ""; // guarded by this
    private boolean isClosing; // guarded by this

    GatedStore(ObjectStore delegate) {
        this.delegate = delegate;
    }

    /** From now on objects can be read whose names, without folders, are less. */
    synchronized void openBefore(String name) {
        gate = name;
        notifyAll();
    }

    /** Who waits is told that it failed, so that an engine can close. */
    synchronized void failWhoWaits() {
        isClosing = true;
        notifyAll();
    }

    @Override
    public String name() {
        return delegate.name();
    }

    @Override
    public List<StoredObject> list(String prefix, String afterKey, int limit) throws IOException {
        return delegate.list(prefix, afterKey, limit);
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        awaitGate(object.key());
        delegate.read(object, offset, into);
    }

    private synchronized void awaitGate(String key) throws IOException {
        String name = key.substring(key.lastIndexOf('/') + 1);
        while (name.compareTo(gate) >= 0) {
            if (isClosing) {
                throw new IOException("not let through: key=" + key);
            }
            try {
                wait();
            } catch (InterruptedException ending) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("let go of");
            }
        }
    }

    @Override
    public void close() {
        delegate.close();
    }
}
