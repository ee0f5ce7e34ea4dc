package io.headrace.engine;

/** The disk's reserve is reached. Retry when there is space again. */
@Stable
public final class OutOfSpaceException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param topic on which the change was tried
     */
    public OutOfSpaceException(String topic) {
        super("disk reserve reached, nothing can be appended: topic=" + topic);
    }
}
