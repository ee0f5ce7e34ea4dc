package io.headrace.kafka.log;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.group.LaneOwners;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
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
 * <p>The answer is as long as the client allows, but for its first batch: what is being loaded has
 * its part of that length set aside, and what turns out to be longer than fits is left out.
 *
 * <p>Belongs to the event loop of its connection. The engine's threads only schedule onto it.
 */
final class FetchOperation {
    /** What one response holds at most, whatever the client allows; Kafka's fetch.max.bytes. */
    private static final int RESPONSE_MAX_BYTES = 55 << 20;

    /** Partitions of one request that are loaded at the same time; the others come next time. */
    private static final int COLD_READS_MAX = 8;

    /** Less is not set aside for a partition, unless there is no more. */
    private static final int COLD_READ_MIN_BYTES = 64 * 1024;

    /** Longest wait while so many fetches wait that their requests have to be counted as work. */
    private static final int CROWDED_WAIT_MAX_MS = 500;

    /**
     * Wait at the end of a source. A consumer that begins its next epoch there cannot ask for it
     * before this fetch is answered.
     */
    private static final int SOURCE_END_WAIT_MS = 20;

    /** After so many fetches that brought nothing, each further one waits twice as long. */
    private static final int SOURCE_END_WAITS = 50;

    private enum State {
        READING,
        WAITING,
        DONE
    }

    private final KafkaRequest request;
    private final FetchRequestData data;
    private final EventExecutor eventLoop;
    private final Supplier<@Nullable LaneOwners> laneOwners;
    private final List<FetchableTopicResponse> topics = new ArrayList<>();
    private final List<FetchedPartition> partitions = new ArrayList<>();
    private final Runnable wake = this::onWake;

    /** Set by whoever wakes first, so that a hundred risen watermarks cause one new read. */
    private final AtomicBoolean wakeScheduled = new AtomicBoolean();

    /** Whether some of the partitions are lanes of share views. */
    private boolean hasLanes;

    /** Whether some of the partitions are views'. */
    private boolean hasViews;

    private State state = State.READING;
    private int waitMs;
    private int bytesMax;
    private int bytes;

    /** Set aside for what is being loaded. */
    private int coldBytes;

    /** Whether something was left out because it did not fit. */
    private boolean full;

    private boolean hasError;
    private boolean timeIsUp;
    private int coldReadCount;
    private boolean registering;
    private int wokenAtOnceCount;
    private @Nullable ScheduledFuture<?> timer;

    /** Take back what is wished for at the ends of lanes. */
    private final List<Runnable> withdrawals = new ArrayList<>();

    /** The first partition that held this fetch up although its records exist, and since when. */
    private @Nullable FetchedPartition behind;

    private long behindSinceNanos;
    private boolean isBehindForLoad;

    /**
     * @param waitMs longest time to wait for records
     * @param laneOwners who owns the lanes of share views; null as long as nobody knows
     */
    FetchOperation(
            KafkaRequest request,
            FetchRequestData data,
            int waitMs,
            TopicDirectory directory,
            Supplier<@Nullable LaneOwners> laneOwners) {
        this.request = request;
        this.laneOwners = laneOwners;
        this.data = data;
        this.eventLoop = request.eventLoop();
        this.waitMs = waitMs;
        this.timeIsUp = waitMs <= 0;
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
                    new FetchedPartition(
                            handle,
                            asked,
                            byId,
                            directory.engine().leaderEpoch(),
                            request.version());
            partitions.add(partition);
            hasLanes |= partition.laneTopic() != null;
            hasViews |= partition.isOfView();
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

    /** Whatever goes wrong, what has been read so far is given back. */
    private void read() {
        try {
            readAll();
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void fail(Throwable cause) {
        abandon();
        request.fail(cause);
    }

    private void readAll() {
        bytes = 0;
        coldBytes = 0;
        coldReadCount = 0;
        full = false;
        bytesMax = bytesMax();
        state = State.READING;
        int left = partitions.size();
        for (FetchedPartition partition : partitions) {
            readPartition(partition, left--);
        }
        decide();
    }

    private int bytesMax() {
        long allowed = Math.min(data.maxBytes(), RESPONSE_MAX_BYTES);
        return (int) Math.max(0, Math.min(allowed, request.responseRoom()));
    }

    private int room() {
        return Math.max(0, bytesMax - bytes - coldBytes);
    }

    private void readPartition(FetchedPartition partition, int partitionsLeft) {
        if ((bytes > 0 || coldReadCount > 0) && room() == 0) {
            leaveOut(partition);
            return;
        }
        ReadResult result = partition.read(room());
        if (result instanceof RecordsLease lease) {
            add(partition, lease);
        } else {
            noteIfBehind(partition, result);
            if (result == Unavailable.COLD && coldReadCount < COLD_READS_MAX) {
                load(partition, partitionsLeft);
            }
        }
        hasError |= partition.hasError();
    }

    private void noteIfBehind(FetchedPartition partition, ReadResult read) {
        if (behind == null && partition.isBehind(read)) {
            behind = partition;
            behindSinceNanos = System.nanoTime();
            isBehindForLoad = read == Unavailable.COLD;
        }
    }

    /** The first batch always goes; others only if they fit. */
    private void add(FetchedPartition partition, RecordsLease lease) {
        if (bytes > 0 && lease.length() > room()) {
            leaveOut(partition);
        } else {
            bytes += lease.length();
        }
    }

    private void leaveOut(FetchedPartition partition) {
        partition.skip();
        full = true;
    }

    /** Sets an equal share of the room aside for each partition that may have to be loaded. */
    private void load(FetchedPartition partition, int partitionsLeft) {
        int share = room() / Math.min(partitionsLeft, COLD_READS_MAX - coldReadCount);
        int length = partition.bounded(Math.min(room(), Math.max(share, COLD_READ_MIN_BYTES)));
        coldReadCount++;
        coldBytes += length;
        partition.readCold(length, loaded -> onLoaded(partition, length, loaded));
    }

    /** Called on a thread of the engine's. */
    private void onLoaded(FetchedPartition partition, int setAside, ReadResult loaded) {
        try {
            eventLoop.execute(() -> takeLoaded(partition, setAside, loaded));
        } catch (RejectedExecutionException e) {
            loaded.close(); // the shell is closed
        }
    }

    private void takeLoaded(FetchedPartition partition, int setAside, ReadResult loaded) {
        if (state == State.DONE) {
            loaded.close();
            return;
        }
        try {
            addLoaded(partition, setAside, loaded);
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void addLoaded(FetchedPartition partition, int setAside, ReadResult loaded) {
        coldReadCount--;
        coldBytes -= setAside;
        partition.take(loaded);
        if (loaded instanceof RecordsLease lease) {
            add(partition, lease);
        }
        hasError |= partition.hasError();
        decide();
    }

    private void decide() {
        boolean enough = bytes >= data.minBytes() || hasError || isBeforeHole();
        if (coldReadCount > 0 && (timeIsUp ? bytes == 0 && !hasError : true)) {
            startTimer();
            onAbandoned();
        } else if (enough || timeIsUp || full || bytes >= bytesMax) {
            respond();
        } else {
            await();
        }
    }

    private boolean isBeforeHole() {
        if (hasViews) {
            for (FetchedPartition partition : partitions) {
                if (partition.isBeforeHole()) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Gives back what was read, and sleeps until there is more. */
    private void await() {
        state = State.WAITING;
        if (!request.park()) {
            shortenWait(CROWDED_WAIT_MAX_MS);
        }
        if (isAtSourceEnd()) {
            shortenWait(sourceEndWaitMs());
        }
        startTimer();
        onAbandoned();
        if (state == State.DONE) {
            return; // the client is gone already
        }
        wakeScheduled.set(false);
        if (hasLanes) {
            wishAtLanes();
        }
        registering = true;
        for (FetchedPartition partition : partitions) {
            partition.await(wake);
        }
        registering = false;
    }

    /** What waits at the ends of lanes is what makes somebody hand out records there. */
    private void wishAtLanes() {
        LaneOwners owners = laneOwners.get();
        if (owners != null) {
            lanesByTopic().forEach(asked -> wish(owners, asked));
        }
    }

    private void wish(LaneOwners owners, List<FetchedPartition> asked) {
        List<FetchedPartition> atEnd = atEnd(asked);
        Topic topic = asked.get(0).laneTopic();
        if (topic != null && !atEnd.isEmpty()) {
            withdrawals.add(
                    owners.wish(
                            request,
                            topic,
                            numbers(asked),
                            numbers(atEnd),
                            atEnd.get(0).bounded(bytesMax)));
        }
    }

    /** Who is given records now asks for more soon, and need not wait then. */
    private void wishAhead() {
        LaneOwners owners = laneOwners.get();
        if (owners != null) {
            lanesByTopic().forEach(asked -> wishAhead(owners, asked));
        }
    }

    private void wishAhead(LaneOwners owners, List<FetchedPartition> asked) {
        List<FetchedPartition> atEnd = atEnd(asked);
        Topic topic = asked.get(0).laneTopic();
        if (topic != null && !atEnd.isEmpty()) {
            owners.wishAhead(
                    request, topic, numbers(asked), numbers(atEnd), atEnd.get(0).bounded(bytesMax));
        }
    }

    private Collection<List<FetchedPartition>> lanesByTopic() {
        Map<Long, List<FetchedPartition>> lanes = new LinkedHashMap<>();
        for (FetchedPartition partition : partitions) {
            Topic topic = partition.laneTopic();
            if (topic != null) {
                lanes.computeIfAbsent(topic.id(), id -> new ArrayList<>()).add(partition);
            }
        }
        return lanes.values();
    }

    private static List<FetchedPartition> atEnd(List<FetchedPartition> lanes) {
        return lanes.stream().filter(FetchedPartition::isAtEnd).toList();
    }

    private static int[] numbers(List<FetchedPartition> partitions) {
        return partitions.stream().mapToInt(FetchedPartition::number).toArray();
    }

    private boolean isAtSourceEnd() {
        for (FetchedPartition partition : partitions) {
            if (partition.isOfSource()) {
                return true;
            }
        }
        return false;
    }

    /** Who stays at the end costs less and less. */
    private int sourceEndWaitMs() {
        return SOURCE_END_WAIT_MS << Math.min(10, request.emptyFetchCount() / SOURCE_END_WAITS);
    }

    private void shortenWait(int waitMaxMs) {
        if (waitMs > waitMaxMs) {
            waitMs = waitMaxMs;
            cancelTimer();
        }
    }

    private void startTimer() {
        if (timer == null && !timeIsUp) {
            timer = eventLoop.schedule(this::onTimeIsUp, waitMs, TimeUnit.MILLISECONDS);
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
            decideAtLast();
        }
    }

    private void decideAtLast() {
        try {
            decide();
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void cancelWaits() {
        withdrawals.forEach(Runnable::run);
        withdrawals.clear();
        for (FetchedPartition partition : partitions) {
            partition.cancel(wake);
        }
    }

    private void respond() {
        end();
        if (hasLanes && bytes > 0) {
            wishAhead();
        }
        request.onFetched(bytes == 0);
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
        cancelTimer();
        countIfBehind();
    }

    /** A wait that brought nothing but the news that this is the end was not for records. */
    private void countIfBehind() {
        FetchedPartition waitedFor = behind;
        behind = null;
        if (waitedFor != null && (isBehindForLoad || bytes > 0 || waitedFor.hasMoreToFind())) {
            waitedFor.onWaited(request.clientId(), System.nanoTime() - behindSinceNanos);
        }
    }

    private void cancelTimer() {
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
