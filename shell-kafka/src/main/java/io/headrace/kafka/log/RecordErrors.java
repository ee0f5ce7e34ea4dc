package io.headrace.kafka.log;

import io.headrace.kafka.RecordCursor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.ProduceResponseData.BatchIndexAndErrorMessage;

/** Which records of a batch that a compacted topic has refused are to blame. */
final class RecordErrors {
    /** What the client is told of one record; the same as from Kafka's broker. */
    private static final String NO_KEY =
            "Compacted topic cannot accept message without key in topic partition.";

    /** Records that are named, so that the answer is not longer than what was sent. */
    private static final int NAMED_MAX = 1000;

    private RecordErrors() {}

    /**
     * Those without a key, by their place in the batch; none if it cannot be read.
     *
     * @param batch one of magic 2, as long as it says
     */
    static List<BatchIndexAndErrorMessage> of(ByteBuffer batch) {
        List<BatchIndexAndErrorMessage> errors = new ArrayList<>();
        try (RecordCursor records = RecordCursor.open(batch, false)) {
            for (int index = 0; errors.size() < NAMED_MAX && records.next(); index++) {
                if (!records.hasKey()) {
                    errors.add(
                            new BatchIndexAndErrorMessage()
                                    .setBatchIndex(index)
                                    .setBatchIndexErrorMessage(NO_KEY));
                }
            }
        } catch (IOException | RuntimeException e) { // whatever it is: the bytes are the client's
            return List.of();
        }
        return errors;
    }
}
