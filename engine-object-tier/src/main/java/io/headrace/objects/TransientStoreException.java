package io.headrace.objects;

import java.io.IOException;

/** A store did not answer as it should, and may do so when it is asked again. */
class TransientStoreException extends IOException {
    private static final long serialVersionUID = 1L;

    TransientStoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
