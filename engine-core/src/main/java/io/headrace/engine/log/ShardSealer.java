package io.headrace.engine.log;

import io.headrace.engine.segment.CorruptSegmentException;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.Journal;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which files of a shard are sealed, and knows its segments.
 *
 * <p>Used by the sealer's thread; {@link #deadSegments}, {@link #delete} and {@link #segmentBytes}
 * by any.
 */
final class ShardSealer {
    private static final Logger LOGGER = LoggerFactory.getLogger(ShardSealer.class);

    /** So many half-dead cycles are worth a pass, however little lives in them. */
    private static final int CYCLES_MIN = 4;

    /** So many live bytes are worth a pass. */
    private static final long LIVE_BYTES_MIN = SegmentPlan.OWN_BYTES_MIN;

    /** Live bytes of a pass; more only if a single file has more. */
    private static final long LIVE_BYTES_MAX = SegmentPlan.SEGMENT_BYTES;

    /** Files of a pass, which are open together. */
    private static final int FILES_MAX = 64;

    /** So many small segments of one class and size are merged. */
    private static final int MERGED_MIN = 8;

    /**
     * Shorter segments are merged. Not longer than what a plan lets stand alone: of those that it
     * makes of small ones, all but one must not be small.
     */
    private static final long SMALL_LENGTH = SegmentPlan.OWN_BYTES_MIN;

    private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(30);

    private final Shard shard;
    private final Projector projector;
    private final Background background;
    private final CutOutRows cutOutRows;

    /** Those whose switch is in the index as far as it was made: one without live bytes is dead. */
    private final ConcurrentSkipListMap<Integer, Segment> segments = new ConcurrentSkipListMap<>();

    /** Numbers of those of the last pass, until it is settled. */
    private final List<Integer> unsettled = new ArrayList<>();

    /** What the last pass has moved all of, until it is settled. */
    private List<SealInput> emptied = List.of();

    /** Files that are not sealed: for what is in them, or what is not. */
    private final Set<Integer> damaged = new HashSet<>();

    private int lastSegment;

    /** Position of the last entry of the last pass. */
    private long unsettledPosition = -1;

    private long notBeforeNs;

    /** Rows are not looked through for what was cut out before: it failed just now. */
    private long notGivenUpBeforeNs;

    private boolean isCompactionsTurn;

    /**
     * @param batchBytes of it: header and footer are not dead, and would be there again
     * @param retentionClass −1 if it is not sound where it says what is in it, or could not be read
     */
    private record Segment(long length, long batchBytes, int retentionClass) {}

    /**
     * Finds the segments that are there; the projection has been recovered.
     *
     * @param highestSwitched number of the last segment that an entry of the journal named
     */
    ShardSealer(
            Shard shard,
            Projector projector,
            int highestSwitched,
            CutOutRows cutOutRows,
            Background background)
            throws IOException {
        this.shard = shard;
        this.projector = projector;
        this.background = background;
        this.cutOutRows = cutOutRows;
        this.notBeforeNs = background.nanoTime();
        this.notGivenUpBeforeNs = notBeforeNs;
        this.lastSegment = highestSwitched;
        for (int segment : shard.segments().numbers()) {
            lastSegment = Math.max(lastSegment, segment);
            note(segment);
        }
        reportAbsent();
    }

    private void note(int segment) throws IOException {
        int retentionClass = -1;
        long batchBytes = 0;
        try {
            batchBytes = shard.segments().batchBytes(segment);
            retentionClass = shard.segments().retentionClass(segment);
        } catch (CorruptSegmentException | EOFException e) {
            LOGGER.error("segment is not sound, and stays as it is", e);
            damaged.add(SegmentPosition.half(segment));
        } catch (IOException e) {
            LOGGER.warn(
                    "segment cannot be looked into now: file={}",
                    shard.segments().path(segment),
                    e);
        }
        segments.put(
                segment, new Segment(shard.segments().length(segment), batchBytes, retentionClass));
    }

    private void reportAbsent() {
        for (int file : projector.liveBytes(shard.id()).keySet()) {
            int segment = SegmentPosition.segmentOfHalf(file);
            if (SegmentPosition.isHalf(file) && !segments.containsKey(segment)) {
                LOGGER.error(
                        "segment is missing, its records cannot be read: file={}",
                        shard.segments().path(segment));
            }
        }
    }

    Shard shard() {
        return shard;
    }

    /** Number of a segment that the pass under way begins; it was never used before. */
    int nextSegment() {
        unsettled.add(++lastSegment);
        return lastSegment;
    }

    /** Notes what became of a pass: one that moved nothing is not repeated at once. */
    void onPass(SealPass pass, List<SealInput> inputs) {
        damaged.addAll(pass.damaged());
        emptied = pass.isComplete() ? List.copyOf(inputs) : List.of();
        unsettledPosition = Math.max(unsettledPosition, pass.lastPosition());
        if (pass.lastPosition() < 0) {
            notBeforeNs = background.nanoTime() + RETRY_NS;
        }
    }

    /**
     * Notes a pass of compaction.
     *
     * @param position of the last entry that it appended; −1 if there is none
     */
    void onCompacted(long position) {
        unsettledPosition = Math.max(unsettledPosition, position);
        if (position >= 0) {
            shard.requestSync();
        }
    }

    /** Runs the action once the entry at the position is in the index. */
    void whenApplied(long position, Runnable action) {
        projector.whenApplied(shard.id(), position, action);
    }

    /** Whether what the last pass did is in the index, so that another one may begin. */
    boolean isSettled() throws IOException {
        if (projector.appliedPosition(shard.id()) <= unsettledPosition) {
            return false;
        }
        for (int segment : unsettled) {
            if (shard.segments().exists(segment)) {
                note(segment);
            }
        }
        unsettled.clear();
        return isEmptied();
    }

    /**
     * Whether nothing lives in the files that the last pass has emptied, or it is known why. If
     * that cannot be found out now, others are not held up for it.
     */
    private boolean isEmptied() {
        List<SealInput> alive =
                emptied.stream().filter(moved -> isAlive(input(moved.file(), 0))).toList();
        if (alive.isEmpty()) {
            emptied = List.of();
            return true;
        }
        if (background.nanoTime() - notGivenUpBeforeNs < 0) {
            return true;
        }
        notGivenUpBeforeNs = background.nanoTime() + RETRY_NS;
        boolean isGivenUp = isGivenUp(alive);
        notGivenUpBeforeNs = background.nanoTime();
        emptied = List.of();
        return !isGivenUp;
    }

    /** Whether what was not found had been cut out, so that it is given up; else it stays. */
    private boolean isGivenUp(List<SealInput> inputs) {
        Set<Integer> cycles =
                inputs.stream()
                        .filter(input -> !input.isSegment())
                        .map(SealInput::file)
                        .collect(Collectors.toSet());
        long before = unsettledPosition;
        try {
            Set<Integer> given =
                    cutOutRows.giveUp(shard, cycles, position -> unsettledPosition = position);
            inputs.stream().filter(input -> !given.contains(input.file())).forEach(this::setAside);
        } finally {
            if (unsettledPosition > before) {
                shard.requestSync();
            }
        }
        return unsettledPosition > before;
    }

    /** Whether compaction goes before sealing where both have something to do. */
    boolean isCompactionsTurn() {
        return isCompactionsTurn;
    }

    /** Notes that one of the two had its turn. */
    void nextTurn() {
        isCompactionsTurn = !isCompactionsTurn;
    }

    /** Whether sealing did not just fail. */
    boolean isDue() {
        return background.nanoTime() - notBeforeNs >= 0;
    }

    /** So that a file which cannot be emptied is not read again and again. */
    private void setAside(SealInput input) {
        damaged.add(input.file());
        LOGGER.error(
                "what lives in a file was not found there, it is not sealed again: {}",
                SealInput.place(shard, input.file()));
    }

    /**
     * The files to seal now, none if it is not worth a pass. Those come first that free most for
     * what is written.
     *
     * @param bytesMax that there is space for
     * @param isSpaceShort so that nothing waits until more of its kind come together
     */
    List<SealInput> choose(long bytesMax, boolean isSpaceShort) {
        List<SealInput> chosen = new ArrayList<>();
        long cycleBytes = 0;
        for (SealInput cycle : halfDeadCycles()) {
            chosen.add(cycle);
            cycleBytes += cycle.liveBytes();
        }
        if (!isSpaceShort && chosen.size() < CYCLES_MIN && cycleBytes < LIVE_BYTES_MIN) {
            chosen.clear();
        }
        chosen.addAll(segmentsToRewrite());
        chosen.removeIf(input -> input.liveBytes() > bytesMax);
        chosen.sort(Comparator.comparingDouble(SealInput::liveShare));
        return limited(chosen, Math.min(bytesMax, LIVE_BYTES_MAX));
    }

    private List<SealInput> halfDeadCycles() {
        List<SealInput> found = new ArrayList<>();
        int appliedCycle = Journal.cycle(projector.appliedPosition(shard.id()));
        for (Journal.Cycle cycle : shard.journal().cycles()) {
            SealInput input = input(cycle.cycle(), cycle.endOffset());
            if (cycle.cycle() < appliedCycle && isHalfDead(input)) {
                found.add(input);
            }
        }
        return found;
    }

    private SealInput input(int file, long length) {
        return new SealInput(file, length, projector.liveBytes(shard.id(), file));
    }

    private boolean isHalfDead(SealInput input) {
        return isAlive(input) && 2 * input.liveBytes() <= input.length();
    }

    private boolean isAlive(SealInput input) {
        return input.liveBytes() > 0 && !damaged.contains(input.file());
    }

    private List<SealInput> segmentsToRewrite() {
        List<SealInput> found = new ArrayList<>();
        SortedMap<Long, List<SealInput>> small = new TreeMap<>();
        segments.forEach(
                (number, segment) -> {
                    SealInput input = input(SegmentPosition.half(number), segment.batchBytes);
                    if (isHalfDead(input)) {
                        found.add(input);
                    } else if (isAlive(input) && segment.length < SMALL_LENGTH) {
                        small.computeIfAbsent(mergedWith(segment), key -> new ArrayList<>())
                                .add(input);
                    }
                });
        small.values().stream().filter(each -> each.size() >= MERGED_MIN).forEach(found::addAll);
        return found;
    }

    /** Segments are merged with those of their class, and of their length within a factor of 8. */
    private static long mergedWith(Segment segment) {
        int size = (63 - Long.numberOfLeadingZeros(SMALL_LENGTH / segment.length)) / 3;
        return (long) segment.retentionClass << 32 | size;
    }

    private static List<SealInput> limited(List<SealInput> inputs, long bytesMax) {
        long bytes = 0;
        int count = 0;
        while (count < Math.min(inputs.size(), FILES_MAX)
                && (count == 0 || bytes + inputs.get(count).liveBytes() <= bytesMax)) {
            bytes += inputs.get(count++).liveBytes();
        }
        return inputs.subList(0, count);
    }

    /**
     * Files in which nothing lives any more, and that are still there: they go under the next
     * checkpoint.
     */
    Set<Integer> deadFiles() {
        Set<Integer> dead = new HashSet<>();
        int appliedCycle = Journal.cycle(projector.appliedPosition(shard.id()));
        for (Journal.Cycle cycle : shard.journal().cycles()) {
            if (cycle.cycle() < appliedCycle
                    && projector.liveBytes(shard.id(), cycle.cycle()) == 0) {
                dead.add(cycle.cycle());
            }
        }
        deadSegments().forEach(segment -> dead.add(SegmentPosition.half(segment)));
        return dead;
    }

    /** Segments in which nothing lives any more; nothing will again. */
    List<Integer> deadSegments() {
        return segments.keySet().stream().filter(number -> liveBytes(number) == 0).toList();
    }

    private long liveBytes(int segment) {
        return projector.liveBytes(shard.id(), SegmentPosition.half(segment));
    }

    /** Deletes a dead segment; one that cannot be deleted now stays known. */
    void delete(int segment) throws IOException {
        shard.segments().delete(segment);
        segments.remove(segment);
    }

    /** Bytes of all segments. */
    long segmentBytes() {
        return segments.values().stream().mapToLong(Segment::length).sum();
    }

    int segmentCount() {
        return segments.size();
    }
}
