package io.headrace.engine;

/** An offset lies outside of what the log holds. The caller's error. */
@Stable
public final class OffsetOutOfRangeException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param offset the one asked for
     * @param logStartOffset lowest allowed
     * @param highWatermark highest allowed
     */
    public OffsetOutOfRangeException(long offset, long logStartOffset, long highWatermark) {
        super(
                "offset out of range: offset="
                        + offset
                        + " logStartOffset="
                        + logStartOffset
                        + " highWatermark="
                        + highWatermark);
    }
}
