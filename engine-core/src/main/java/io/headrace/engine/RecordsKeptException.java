package io.headrace.engine;

/**
 * Records are not taken away: their topic keeps all, as a version, or what an overlay is over,
 * does. Experimental: it may change in any release.
 */
@Experimental
public final class RecordsKeptException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param topic that keeps them
     */
    public RecordsKeptException(String topic) {
        super("records are kept, the topic is a version or an overlay is over it: topic=" + topic);
    }
}
