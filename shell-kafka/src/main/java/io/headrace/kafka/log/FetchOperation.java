package io.headrace.kafka.log;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.FetchableTopicResponse;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.jspecify.annotations.Nullable;

/**
 * One fetch request from its first read to its answer.
 *
 * <p>Reads every partition; answers if that gave enough bytes, an error, or the time is up.
 * Otherwise gives the leases back, waits for a high watermark to rise, and reads anew. Bytes that
 * are not in memory are loaded first, whatever the waiting time, so that each answer makes headway;
 * only if others have enough already, it waits for them no longer than the client would wait for
 * new records.
 *
 * <p>Belongs to the event loop of its connection. The engine's threads only schedule onto it.
 */
final class FetchOperation {
    /** What one response holds at most, whatever the client allows; Kafka's fetch.max.bytes. */
    private static final int RESPONSE_MAX_BYTES = 55 << 20;

    /** Partitions of one request that are loaded at the same time; the others come next time. */
    private static final int COLD_READS_MAX = 8;

    private enum State {
        READING,
        WAITING,
        DONE
    }

    private final KafkaRequest request;
    private final FetchRequestData data;
    private final EventExecutor eventLoop;
    private final List<FetchableTopicResponse> topics = new ArrayList<>();
    private final List<FetchedPartition> partitions = new ArrayList<>();
    private final int bytesMax;
    private final Runnable wake = this::onWake;

    /** Set by whoever wakes first, so that a hundred risen watermarks cause one new read. */
    private final AtomicBoolean wakeScheduled = new AtomicBoolean();

    private State state = State.READING;
    private int bytes;
    private boolean hasError;
    private boolean timeIsUp;
    private int coldReadCount;
    private boolean registering;
    private int wokenAtOnceCount;
    private @Nullable ScheduledFuture<?> timer;

    FetchOperation(KafkaRequest request, FetchRequestData data, TopicDirectory directory) {
        this.request = request;
        this.data = data;
        this.eventLoop = request.eventLoop();
        this.bytesMax = Math.max(0, Math.min(data.maxBytes(), RESPONSE_MAX_BYTES));
        this.timeIsUp = data.maxWaitMs() <= 0;
        for (FetchTopic topic : data.topics()) {
            addTopic(topic, directory);
        }
    }

    private void addTopic(FetchTopic topic, TopicDirectory directory) {
        boolean byId = !topic.topicId().equals(Uuid.ZERO_UUID);
        TopicHandle handle = byId ? directory.find(topic.topicId()) : directory.find(topic.topic());
        List<PartitionData> results = new ArrayList<>(topic.partitions().size());
        for (FetchPartition asked : topic.partitions()) {
            FetchedPartition partition =
                    new FetchedPartition(handle, asked, byId, directory.engine().leaderEpoch());
            partitions.add(partition);
            results.add(partition.result());
        }
        topics.add(
                new FetchableTopicResponse()
                        .setTopic(topic.topic())
                        .setTopicId(topic.topicId())
                        .setPartitions(results));
    }

    void start() {
        read();
    }

    private void read() {
        bytes = 0;
        coldReadCount = 0;
        state = State.READING;
        for (FetchedPartition partition : partitions) {
            readPartition(partition);
        }
        decide();
    }

    private void readPartition(FetchedPartition partition) {
        if (bytes > 0 && bytes >= bytesMax) {
            partition.skip();
            return;
        }
        ReadResult result = partition.read(bytesMax - bytes);
        if (result instanceof RecordsLease lease) {
            bytes += lease.length();
        } else if (result == Unavailable.COLD && coldReadCount < COLD_READS_MAX) {
            coldReadCount++;
            partition.readCold(bytesMax - bytes, loaded -> onLoaded(partition, loaded));
        }
        hasError |= partition.hasError();
    }

    /** Called on a thread of the engine's. */
    private void onLoaded(FetchedPartition partition, ReadResult loaded) {
        try {
            eventLoop.execute(() -> takeLoaded(partition, loaded));
        } catch (RejectedExecutionException e) {
            loaded.close(); // the shell is closed
        }
    }

    private void takeLoaded(FetchedPartition partition, ReadResult loaded) {
        if (state == State.DONE) {
            loaded.close();
            return;
        }
        coldReadCount--;
        partition.take(loaded);
        if (loaded instanceof RecordsLease lease) {
            bytes += lease.length();
        }
        hasError |= partition.hasError();
        decide();
    }

    private void decide() {
        boolean enough = bytes >= data.minBytes() || hasError;
        if (coldReadCount > 0 && (timeIsUp ? bytes == 0 && !hasError : true)) {
            startTimer();
            onAbandoned();
        } else if (enough || timeIsUp || bytes >= bytesMax) {
            respond();
        } else {
            await();
        }
    }

    /** Gives back what was read, and sleeps until there is more. */
    private void await() {
        state = State.WAITING;
        startTimer();
        onAbandoned();
        if (state == State.DONE) {
            return; // the client is gone already
        }
        wakeScheduled.set(false);
        registering = true;
        for (FetchedPartition partition : partitions) {
            partition.await(wake);
        }
        registering = false;
    }

    private void startTimer() {
        if (timer == null && !timeIsUp) {
            timer = eventLoop.schedule(this::onTimeIsUp, data.maxWaitMs(), TimeUnit.MILLISECONDS);
        }
    }

    private void onAbandoned() {
        request.onAbandoned(this::abandon);
    }

    /** Called by whoever raises a high watermark. */
    private void onWake() {
        if (!wakeScheduled.compareAndSet(false, true)) {
            return;
        }
        try {
            if (eventLoop.inEventLoop() && registering && ++wokenAtOnceCount > 1) {
                // The log says that there is more and gives nothing, for instance while offsets
                // are being reserved. To ask without a pause would keep others from being served.
                eventLoop.schedule(this::readAgain, 1, TimeUnit.MILLISECONDS);
            } else {
                eventLoop.execute(this::readAgain);
            }
        } catch (RejectedExecutionException e) {
            // the shell is closed, and the connection with it
        }
    }

    private void readAgain() {
        if (state == State.WAITING) {
            cancelWaits();
            read();
        }
    }

    private void onTimeIsUp() {
        timer = null;
        timeIsUp = true;
        if (state == State.WAITING) {
            cancelWaits();
            read();
        } else if (state == State.READING) {
            decide();
        }
    }

    private void cancelWaits() {
        for (FetchedPartition partition : partitions) {
            partition.cancel(wake);
        }
    }

    private void respond() {
        end();
        request.respond(new FetchResponseData().setResponses(topics), this::closeLeases);
    }

    /** The client is gone. */
    private void abandon() {
        if (state == State.WAITING) {
            cancelWaits();
        }
        end();
        closeLeases();
    }

    private void end() {
        state = State.DONE;
        if (timer != null) {
            timer.cancel(false);
            timer = null;
        }
    }

    private void closeLeases() {
        for (FetchedPartition partition : partitions) {
            partition.closeLease();
        }
    }
}
