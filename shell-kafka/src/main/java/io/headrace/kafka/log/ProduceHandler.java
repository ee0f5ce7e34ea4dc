package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import io.headrace.kafka.topic.TopicNames;
import java.nio.ByteBuffer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.message.ProduceResponseData.TopicProduceResponse;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.jspecify.annotations.Nullable;

/**
 * Produce: appends each batch as it came, straight from the receive buffer, on the event loop.
 *
 * <p>Looks at batch headers only; into records of compacted topics the log looks as it appends, and
 * {@link RecordErrors} if it has refused them. With acks=all the answer waits for the high
 * watermark, without a timer: the engine either syncs or ends the process.
 */
public final class ProduceHandler implements RequestHandler {
    private static final int ZSTD = 4;
    private static final int ZSTD_SINCE_VERSION = 7;
    private static final long NO_TIMESTAMP = -1;

    private final TopicDirectory topics;

    /**
     * @param topics to append to
     */
    public ProduceHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        ProduceRequestData data = request.data(ProduceRequestData.class);
        Errors refusal = refusalOf(data);
        if (refusal != Errors.NONE) {
            request.fail(refusal);
            return;
        }
        ProduceOperation operation = new ProduceOperation(request, data.acks());
        for (TopicProduceData topicData : data.topicData()) {
            appendTopic(operation, topicData, request.version());
        }
        operation.appended();
    }

    private static Errors refusalOf(ProduceRequestData data) {
        if (data.acks() < -1 || data.acks() > 1) {
            return Errors.INVALID_REQUIRED_ACKS;
        }
        // There is no transaction coordinator, so no producer can be in a transaction.
        return data.transactionalId() == null ? Errors.NONE : Errors.INVALID_TXN_STATE;
    }

    private void appendTopic(ProduceOperation operation, TopicProduceData data, short version) {
        boolean byId = !data.topicId().equals(Uuid.ZERO_UUID);
        TopicHandle topic = byId ? topics.find(data.topicId()) : topics.find(data.name());
        TopicProduceResponse response =
                operation.addTopic(data.name(), data.topicId(), data.partitionData().size());
        for (PartitionProduceData partition : data.partitionData()) {
            PartitionProduceResponse result =
                    new PartitionProduceResponse().setIndex(partition.index()).setBaseOffset(-1);
            response.partitionResponses().add(result);
            if (topic == null) {
                result.setErrorCode(unknownTopic(byId).code());
            } else if (TopicNames.isInternal(topic.topic().name())) {
                // Only the coordinator may write there: what it cannot read would stop its groups.
                result.setErrorCode(Errors.INVALID_TOPIC_EXCEPTION.code());
            } else {
                appendPartition(operation, topic, partition, result, version);
            }
        }
    }

    private static Errors unknownTopic(boolean byId) {
        return byId ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION;
    }

    private static void appendPartition(
            ProduceOperation operation,
            TopicHandle topic,
            PartitionProduceData data,
            PartitionProduceResponse result,
            short version) {
        PartitionLog log = topic.log(data.index());
        ByteBuffer batch = batchOf(data.records());
        Errors error = log == null ? Errors.UNKNOWN_TOPIC_OR_PARTITION : refusalOf(batch, version);
        if (error == Errors.NONE && log != null && batch != null) {
            error = append(operation, topic, log, batch, result);
            if (error == Errors.INVALID_RECORD) {
                result.setRecordErrors(RecordErrors.of(batch));
            }
        }
        if (error != Errors.NONE) {
            result.setErrorCode(error.code())
                    .setErrorMessage(
                            AppendErrors.message(error, topic.topic().name(), data.index()));
        }
    }

    private static @Nullable ByteBuffer batchOf(@Nullable BaseRecords records) {
        return records instanceof MemoryRecords memory ? memory.buffer() : null;
    }

    /** What is refused by its header, before the engine sees it. */
    private static Errors refusalOf(@Nullable ByteBuffer batch, short version) {
        if (batch == null || batch.remaining() < RecordBatch.HEADER_LENGTH) {
            return Errors.CORRUPT_MESSAGE;
        }
        int at = batch.position();
        if (RecordBatch.magic(batch, at) != RecordBatch.MAGIC
                || RecordBatch.isControl(batch, at)
                || RecordBatch.length(batch, at) < batch.remaining()) {
            // Old formats, markers that only a coordinator may write, more than one batch.
            return Errors.INVALID_RECORD;
        }
        if (RecordBatch.isTransactional(batch, at)) {
            return Errors.INVALID_TXN_STATE;
        }
        boolean zstd = RecordBatch.compression(batch, at) == ZSTD;
        return zstd && version < ZSTD_SINCE_VERSION
                ? Errors.UNSUPPORTED_COMPRESSION_TYPE
                : Errors.NONE;
    }

    private static Errors append(
            ProduceOperation operation,
            TopicHandle topic,
            PartitionLog opened,
            ByteBuffer batch,
            PartitionProduceResponse result) {
        PartitionLog log = opened;
        long nowMs = System.currentTimeMillis();
        long endOffsetBefore = log.logEndOffset();
        long baseOffset = log.append(batch, nowMs);
        if (baseOffset == PartitionLog.CLOSED) {
            PartitionLog reopened = topic.reopenedLog(result.index());
            if (reopened == null) {
                return Errors.UNKNOWN_TOPIC_OR_PARTITION;
            }
            log = reopened;
            endOffsetBefore = log.logEndOffset();
            baseOffset = log.append(batch, nowMs);
        }
        if (baseOffset < 0) {
            return AppendErrors.of(baseOffset);
        }
        result.setBaseOffset(baseOffset).setLogStartOffset(log.logStartOffset());
        if (log.topic().config().logAppendTime()) {
            boolean isNew = baseOffset >= endOffsetBefore;
            result.setLogAppendTimeMs(isNew ? nowMs : storedTimestamp(log, baseOffset));
        }
        int count = RecordBatch.offsetCount(batch, batch.position());
        operation.await(log, baseOffset + count, result);
        return Errors.NONE;
    }

    /** The timestamp of a batch that was sent before; none if it is not at hand any more. */
    private static long storedTimestamp(PartitionLog log, long baseOffset) {
        try (ReadResult result = log.read(baseOffset, 0)) {
            if (result instanceof RecordsLease lease) {
                ByteBuffer stored = lease.slice(0);
                return RecordBatch.maxTimestamp(stored, stored.position());
            }
        }
        return NO_TIMESTAMP;
    }
}
