package io.headrace.kafka.group;

import io.headrace.engine.Experimental;

/**
 * A group cannot be given these positions: the message names the group and its members, or topic,
 * partition and offset. Nothing was changed; asking again is of no use before that is.
 */
@Experimental
public final class PositionsRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PositionsRefusedException(String message) {
        super(message);
    }
}
