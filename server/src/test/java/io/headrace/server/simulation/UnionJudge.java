package io.headrace.server.simulation;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads one union and the topics below it, and judges whether what it has may be so. */
final class UnionJudge {
    private static final int READS_MAX = 20_000;
    private static final int READ_LENGTH = 1 << 13;

    /** Topic id, partition and offset, which a record ends with. */
    private static final int ORIGIN_LENGTH = 2 * Long.BYTES + Integer.BYTES;

    /** What is looked at of each partition. */
    interface Visitor {
        void visit(PartitionLog log, long shownEnd);
    }

    private final String name;
    private final String pattern;
    private final int partitions;
    private final SharedServer server;
    private final SharedRecords records;
    private final SharedPlaces places;
    private final Random random;
    private final Trace trace;
    private final Map<Long, SharedBase> basesById = new HashMap<>();
    private final Map<Long, Integer> placesById = new HashMap<>();
    private final List<Long> shownEnds = new ArrayList<>();

    /**
     * @param pattern of the names of what it is over
     */
    UnionJudge(
            String name,
            String pattern,
            int partitions,
            SharedServer server,
            SharedRecords records,
            Random random,
            Trace trace) {
        this.name = name;
        this.pattern = pattern;
        this.partitions = partitions;
        this.server = server;
        this.records = records;
        this.places = new SharedPlaces(records, place -> false);
        this.random = random;
        this.trace = trace;
    }

    TopicSpec spec() {
        Map<String, String> configs =
                Map.of(
                        "headrace.view.type", "union",
                        "headrace.view.topics", pattern,
                        "retention.ms", "-1");
        return new TopicSpec(name, partitions, configs);
    }

    private boolean isOver(SharedBase base) {
        return base.name.matches(pattern.replace(".", "[.]").replace("*", ".*"));
    }

    /** A topic has that id. */
    void know(Topic topic, SharedBase base) {
        SharedBase before = basesById.put(topic.id(), base);
        if (before != null && before != base) {
            throw new SimulationFailure("one id, two topics: " + before.name + " and " + topic);
        }
    }

    /** Whatever the union has shown to anybody survives each crash. */
    void onStart() {
        for (int i = 0; i < shownEnds.size(); i++) {
            long end = server.lane(name, i).recordsEndOffset();
            if (end < shownEnd(i)) {
                throw new SimulationFailure(
                        "shown and gone: " + name + "-" + i + " end=" + end + " of=" + shownEnd(i));
            }
        }
    }

    void forEachPartition(Visitor visitor) {
        for (int i = 0; i < partitions; i++) {
            visitor.visit(server.lane(name, i), shownEnd(i));
        }
    }

    /** Whether all that was appended to it may be read. */
    boolean isSynced() {
        boolean[] isSynced = {true};
        forEachPartition((log, shownEnd) -> isSynced[0] &= isSynced(log));
        return isSynced[0];
    }

    static boolean isSynced(@Nullable PartitionLog log) {
        return log != null && log.highWatermark() == log.recordsEndOffset();
    }

    /** How many records it says are left to copy; more than there are where it does not say. */
    long behind() {
        UnionStatus status = server.unionStatus(name);
        return status == null ? Integer.MAX_VALUE : status.behind();
    }

    @Override
    public String toString() {
        return name + ": " + server.unionStatus(name);
    }

    private long shownEnd(int partition) {
        while (shownEnds.size() <= partition) {
            shownEnds.add(0L);
        }
        return shownEnds.get(partition);
    }

    void readAny() {
        read(random.nextInt(partitions));
    }

    void readAll() {
        for (int i = 0; i < partitions; i++) {
            read(i);
        }
    }

    /** Reads all of a partition. */
    private void read(int partition) {
        PartitionLog log = server.lane(name, partition);
        TreeMap<Long, Sent> found = new TreeMap<>();
        long position = 0;
        for (int reads = 0; position < log.highWatermark(); reads++) {
            if (reads > READS_MAX) {
                throw new SimulationFailure("cannot be read: at=" + position);
            }
            try (ReadResult answer = server.read(log, position, 1 << random.nextInt(14))) {
                server.checkAlive();
                if (answer instanceof RecordsLease lease) {
                    position = take(partition, position, lease, found);
                } else if (answer == Unavailable.CORRUPT) {
                    throw new SimulationFailure("corrupt: partition=" + partition);
                } else {
                    server.step();
                    log = server.lane(name, partition);
                }
            }
        }
        trace.note("read " + name + "-" + partition + " to", position);
        shownEnds.set(partition, Math.max(shownEnd(partition), position));
        SharedJudge.checkOrder(partition, found);
    }

    private long take(int partition, long asked, RecordsLease lease, TreeMap<Long, Sent> found) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                int next = at + RecordBatch.length(slice, at);
                ByteBuffer batch = slice.duplicate().limit(next).position(at);
                PlainRecordFilter.forEach(
                        batch,
                        (offset, key, value, record) -> {
                            if (offset >= asked) {
                                found.put(offset, see(partition, offset, value, record));
                            }
                        });
                at = next;
            }
        }
        return lease.nextOffset();
    }

    private Sent see(int partition, long offset, @Nullable ByteBuffer value, ByteBuffer record) {
        if (value == null) {
            throw new SimulationFailure("nobody has sent this: offset=" + offset);
        }
        ByteBuffer origin = record.slice(record.limit() - ORIGIN_LENGTH, ORIGIN_LENGTH);
        long topicId = origin.getLong();
        int from = origin.getInt();
        Sent sent = places.see(partition, offset, origin.getLong(), value);
        if (basesById.get(topicId) != sent.base || from != sent.partition) {
            throw new SimulationFailure(
                    "says it is of topic " + topicId + "-" + from + " and is " + sent);
        }
        if (placesById.computeIfAbsent(topicId, id -> partition) != partition) {
            throw new SimulationFailure("topic in two partitions: " + sent);
        }
        if (!isOver(sent.base)) {
            throw new SimulationFailure("not of " + pattern + ": " + sent);
        }
        return sent;
    }

    /** Whatever can be read of a topic is in the union, if that is over it. */
    void checkAllCopied(SharedBase base, boolean isKept) {
        if (!isOver(base)) {
            return;
        }
        Topic topic = server.topic(base.name);
        for (int i = 0; i < topic.partitionCount(); i++) {
            PartitionLog log = server.log(topic, i);
            if (log == null) {
                throw new SimulationFailure("out of reach: topic=" + base.name);
            }
            readBelow(base, log);
            for (Sent record : base.known(i).values()) {
                if (isKept && record.isAcknowledged && !places.has(record)) {
                    throw new SimulationFailure("acknowledged and not in " + name + ": " + record);
                }
            }
        }
    }

    private void readBelow(SharedBase base, PartitionLog log) {
        long position = log.logStartOffset();
        for (int reads = 0; position < log.highWatermark(); reads++) {
            if (reads > READS_MAX) {
                throw new SimulationFailure("cannot be read: topic=" + base.name);
            }
            try (ReadResult answer = server.read(log, position, READ_LENGTH)) {
                if (answer instanceof RecordsLease lease) {
                    long asked = Math.max(position, log.logStartOffset());
                    position =
                            LaneClient.take(
                                    lease,
                                    position,
                                    log.highWatermark(),
                                    batch -> seeBelow(base, log.partition(), asked, batch));
                } else {
                    position = Math.max(position, log.logStartOffset());
                    server.step();
                }
            }
        }
    }

    private void seeBelow(SharedBase base, int partition, long asked, List<LaneClient.Read> batch) {
        for (LaneClient.Read read : batch) {
            Sent record = records.seeBelow(base, partition, read.offset(), read.value());
            if (read.offset() >= asked && !places.has(record)) {
                throw new SimulationFailure("there and not in " + name + ": " + record);
            }
        }
    }
}
