package io.headrace.objects;

/** A store asks to be asked less: S3's 503 SlowDown, and its kin. */
final class StoreBusyException extends TransientStoreException {
    private static final long serialVersionUID = 1L;

    StoreBusyException(String message, Throwable cause) {
        super(message, cause);
    }
}
