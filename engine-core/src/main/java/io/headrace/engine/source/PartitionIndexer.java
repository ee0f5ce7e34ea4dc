package io.headrace.engine.source;

import io.headrace.engine.SourceFindings;
import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the samples of a partition's objects, as far as somebody wants to read. What was read to be
 * looked into is framed and cached in the same step, so that no byte is downloaded twice. A block
 * becomes readable once its entry is durable; a bounded number of entries is on its way there while
 * the next blocks are made.
 *
 * <p>Runs in steps, one at a time, on whatever thread of the source's has brought the bytes that a
 * step waited for; so it holds up no thread, and is not bound by the store's latency as long as
 * {@link ReadAhead} has enough under way. There is one indexer per partition, whatever log is open:
 * two of them could cut an object at different places, and their entries would contradict each
 * other.
 */
final class PartitionIndexer {
    /** Bytes of blocks that are made ahead of the readers at most. */
    private static final long LEAD_MAX = 8 << 20;

    /** Of the cache that all partitions share, one may fill so much with what nobody read yet. */
    private static final int LEAD_CACHE_SHARE = 16;

    /** The first block of a partition is closed when it has this, so that it can be read soon. */
    private static final int FIRST_BLOCK_LENGTH = 64 << 10;

    /** Ranges that a block does without at most: each takes a request of its own to load. */
    private static final int HOLES_MAX = 64;

    /** Samples left out that an entry names; all of them are counted. */
    private static final int NAMED_FAULTS_MAX = 16;

    private final SourceTopic topic;
    private final SourceLogs logs;
    private final int partition;
    private final Demand demand;
    private final ReadAhead readAhead;
    private final IndexJournal journal;
    private final SerialTask steps;
    private final Pause pause;

    /** The log in use; it may be closed and opened again while a step runs. */
    private volatile @Nullable SourceLog log;

    private volatile boolean isClosed;
    private volatile boolean isAltered;
    private volatile boolean isReleaseWanted;

    /** Nobody reads: what is read ahead is put into blocks, and that is all. */
    private volatile boolean isLeaving;

    /** Whether this is one of the few partitions that are indexed ahead at once. */
    private volatile boolean isTurnTaken;

    private volatile String failure = "";

    /** Blocks below it are cached, or have been. */
    private volatile long readableEnd;

    /** Whether no object was listed behind the last one that was looked into. */
    private volatile boolean isThrough;

    // handed from step to step

    /** Everything before has its entry. */
    private SourceEnd end;

    /** Whether the end is behind what the last entry says. */
    private boolean isEndAhead;

    private SourceSpec spec;
    private BlockFramer framer;
    private @Nullable StoredObject object;
    private @Nullable ObjectFacts facts;
    private boolean areFactsNew;
    private @Nullable ScanWindow window;
    private @Nullable DecodedStream decoded;
    private @Nullable ObjectScan scan;
    private final List<Fault> faults = new ArrayList<>();
    private int leftOutCount;
    private boolean isAtListingEnd;
    private boolean isStalled;

    /** While leaving, offset below which somebody wanted all records before. */
    private long leftFor;

    /** While leaving, where in the object that ends what was read ahead. */
    private long leavingAt;

    // of the sweep
    private long wantedSwept = -1;
    private long idleSinceNanos;

    /** Why this partition ends here, whatever is listed; null if it does not. */
    private volatile @Nullable Unavailable stoppedBy;

    PartitionIndexer(SourceTopic topic, int partition, SourceLogs logs) {
        this.topic = topic;
        this.logs = logs;
        this.partition = partition;
        this.end = logs.index().end(topic.id(), partition);
        this.readableEnd = end.offset();
        this.spec = topic.spec();
        this.framer = newFramer();
        this.demand = new Demand(Math.min(LEAD_MAX, logs.cacheBudgetBytes() / LEAD_CACHE_SHARE));
        this.readAhead = logs.readAhead(topic);
        this.journal =
                new IndexJournal(topic.id(), logs::append, this::onDurable, this::announceStop);
        this.steps = new SerialTask(topic.threads().demand(), this::step);
        this.pause = new Pause(logs.nanoClock());
    }

    private BlockFramer newFramer() {
        BlockFramer fresh = new BlockFramer(spec, partition, logs.slabs(), logs.leaderEpoch());
        fresh.begin(end.offset(), 0);
        return fresh;
    }

    /** Reports to another log of the partition from now on. */
    void attach(SourceLog current) {
        log = current;
        announceStop();
    }

    /**
     * Up to where a log that is attached may be read at once. The index may be further: what it
     * says of blocks that have yet to come into the cache would have them loaded a second time.
     */
    long readableEnd() {
        return readableEnd;
    }

    /** Somebody waits for the records below an offset. */
    void want(long endOffset) {
        demand.want(endOffset);
        start();
    }

    /** Somebody has read the records below an offset. */
    void read(long endOffset) {
        if (demand.want(endOffset)) {
            start();
        }
    }

    /** Goes on, if there is something to do. */
    void start() {
        if (!isClosed && !pause.isOn() && stoppedBy == null) {
            steps.signal();
        }
    }

    /** Indexes everything, whoever reads; or not any more. */
    void everything(boolean isWanted) {
        demand.everything(isWanted);
        isTurnTaken = isWanted;
        start();
    }

    /** The topic's configs were altered. */
    void altered() {
        isAltered = true;
        forgetStop();
        steps.signal();
    }

    /** Why indexing stands still, naming where; empty if nothing is wrong. */
    String failure() {
        return failure;
    }

    /** Whether all that is listed is indexed, as far as is known without looking there. */
    boolean isThrough() {
        return isThrough && journal.isEmpty();
    }

    private void step() {
        try {
            isAtListingEnd = false;
            while (goesOn()) {
                resume();
                Chunk awaited = advance();
                if (awaited != null && awaited.whenDone(steps::signalHere)) {
                    hurry(awaited);
                    return;
                }
            }
        } catch (ObjectChangedException changed) {
            stall(Unavailable.SOURCE_CHANGED, String.valueOf(changed.getMessage()));
        } catch (IOException | RuntimeException | Error failed) {
            stall(Unavailable.STORE_ERROR, "indexing failed: " + place() + " cause=" + failed);
        }
    }

    /** A step waits for a stretch: if nobody has begun to fill it, it gets another thread. */
    private void hurry(Chunk awaited) {
        if (awaited.isUntouched()) {
            topic.run(awaited, () -> {});
        }
    }

    private boolean goesOn() {
        if (isClosed) {
            release();
            return false;
        }
        if (isAltered) {
            begin();
            forgetStop(); // again: a step with the old configs may have stopped meanwhile
        } else if (isReleaseWanted) {
            beginLeaving();
        }
        boolean isPossible = !isAtListingEnd && stoppedBy == null && !pause.isOn();
        if (isLeaving && (demand.wanted() > leftFor || demand.isEverything())) {
            stay();
        }
        if (isLeaving && (!isPossible || isNothingAhead())) {
            left();
        }
        return isPossible
                && (isLeaving || demand.isBeyond(end.offset()))
                && !journal.isFull(steps::signal);
    }

    /**
     * Nobody has asked for long. What was downloaded, or is about to be, would have to be
     * downloaded again if it was let go of; as blocks, it is the cache's to judge.
     */
    private void beginLeaving() {
        isLeaving = true;
        isReleaseWanted = false;
        leftFor = demand.wanted();
        StoredObject last = readAhead.lastObject();
        if (last != null && isDecoded(readAhead.lastOrdinal(), last)) {
            readAhead.endWithObject();
        } else {
            readAhead.end();
        }
        limitScan();
    }

    private boolean isDecoded(long ordinal, StoredObject last) {
        ObjectFacts known = ordinal == end.ordinal() ? facts : null;
        if (known == null) {
            known = logs.index().facts(topic.id(), ordinal);
        }
        if (known == null) {
            known = logs.readers().facts(spec, last);
        }
        return known == null ? logs.readers().codecFor(last) != null : known.isCompressed();
    }

    /** Somebody reads again. */
    private void stay() {
        isLeaving = false;
        readAhead.goOn();
        limitScan();
    }

    private void limitScan() {
        leavingAt = limit();
        ObjectScan now = scan;
        if (now != null) {
            now.limit(leavingAt);
            if (!now.isBlockWhole() && now.sampleEnd() > leavingAt) {
                finishSample(now);
            }
        }
    }

    /** Where in the object that is open ends what may be read; nowhere if it is read whole. */
    private long limit() {
        StoredObject current = object;
        long limit = readAhead.limitOf(end.ordinal());
        boolean isWhole = decoded != null || current != null && limit >= current.length();
        return isWhole ? Long.MAX_VALUE : limit;
    }

    /** Whether nothing that is read ahead is left to be put into blocks. */
    private boolean isNothingAhead() {
        long limit = readAhead.limitOf(end.ordinal());
        return limit == 0 || object == null && limit <= end.fromByte();
    }

    /**
     * The next sample ends behind what is read ahead: it is finished if it begins there, unless
     * what is here of it is hardly worth a request.
     */
    private void goBeyond(ObjectScan now) throws IOException {
        if (now.position() < leavingAt - ObjectScan.LOOK_LENGTH) {
            finishSample(now);
        } else {
            closeBlock(now.position(), false);
            left();
        }
    }

    private void left() {
        begin();
        demand.rest();
    }

    private void finishSample(ObjectScan now) {
        long sampleEnd = now.sampleEnd();
        readAhead.endAt(end.ordinal(), sampleEnd);
        now.limit(sampleEnd);
    }

    private void forgetStop() {
        stoppedBy = null;
        failure = "";
        pause.end();
        SourceLog current = log;
        if (current != null) {
            current.onResumed();
        }
    }

    private void resume() {
        if (isStalled) {
            isStalled = false;
            failure = "";
            SourceLog current = log;
            if (current != null) {
                current.onResumed();
            }
        }
    }

    /** Lets go of what was read and has no entry; it is read again. */
    private void begin() {
        release();
        isReleaseWanted = false;
        isLeaving = false;
        isAltered = false;
        spec = topic.spec();
        framer = newFramer();
    }

    private void release() {
        closeObject();
        framer.close();
        readAhead.close();
        faults.clear();
        leftOutCount = 0;
    }

    private void closeObject() {
        if (window != null) {
            window.close();
            window = null;
        }
        if (decoded != null) {
            decoded.close();
            decoded = null;
        }
        scan = null;
        object = null;
        facts = null;
        areFactsNew = false;
    }

    /** Goes on by one thing; what is returned has to be done before the next. */
    private @Nullable Chunk advance() throws IOException {
        try {
            StoredObject current = object;
            if (current == null) {
                beginObject();
                return null;
            }
            if (facts == null) {
                return decide(current);
            }
            return scan(current, facts);
        } catch (MalformedObjectException malformed) {
            onMalformed(malformed);
            return null;
        }
    }

    private void beginObject() throws IOException {
        StoredObject next = logs.index().object(topic.id(), end.ordinal());
        isThrough = next == null;
        if (next == null) {
            isAtListingEnd = true;
            if (isEndAhead) {
                append(null, end);
            }
            if (isTurnTaken) {
                isTurnTaken = false;
                topic.indexNext();
            }
            return;
        }
        if (next.length() == 0) {
            passObject(end.nextObject(topic.partitionCount()));
            return;
        }
        if (isEndAhead) {
            append(null, end); // the next one may take long, and others wait for this to be known
        }
        ObjectFacts known = logs.index().facts(topic.id(), end.ordinal());
        areFactsNew = known == null;
        facts = known == null ? logs.readers().facts(spec, next) : known;
        object = next;
        ObjectCodec codec =
                facts == null ? logs.readers().codecFor(next) : logs.readers().codec(facts);
        open(next, codec);
    }

    private void passObject(SourceEnd behind) {
        end = behind;
        isEndAhead = true;
    }

    private void open(StoredObject next, @Nullable ObjectCodec codec) {
        if (codec == null) {
            window =
                    new ScanWindow(
                            readAhead.begin(end.ordinal(), next, end.fromByte()), end.fromByte());
            return;
        }
        Decoder decoder = new Decoder(codec, readAhead.begin(end.ordinal(), next, 0));
        decoded =
                new DecodedStream(decoder, logs.slabs(), topic.threads().demand(), end.fromByte());
        window = new ScanWindow(decoded, end.fromByte());
    }

    /** Decides what an object is, by its first bytes. */
    private @Nullable Chunk decide(StoredObject current) throws IOException {
        ScanWindow here = nonNull(window);
        Chunk missing = here.advance(0, DatasetReaders.HEAD_LENGTH);
        if (missing != null && isLeaving && missing.position() >= limit()) {
            left();
            return null;
        }
        if (missing != null) {
            return missing;
        }
        ByteBuffer head = here.from(0);
        boolean isWhole = here.length() >= 0 && here.length() <= head.remaining();
        head.limit(Math.min(head.limit(), DatasetReaders.HEAD_LENGTH));
        ObjectFacts decided = logs.readers().guess(spec, current, head, isWhole);
        logs.complaints().decided(topic.name(), current.key(), decided);
        if (decoded != null && !decided.isCompressed()) {
            closeObject(); // a record of the object as it is stored
            object = current;
            open(current, null);
        }
        facts = decided;
        areFactsNew = true;
        return null;
    }

    private @Nullable Chunk scan(StoredObject current, ObjectFacts decided) throws IOException {
        ObjectScan now = scan;
        if (now == null) {
            framer.object(current);
            now =
                    new ObjectScan(
                            logs.readers().scanner(spec, current, decided, end.fromByte()),
                            end.fromByte(),
                            nonNull(window),
                            framer,
                            spec,
                            spec.recordLengthMax());
            scan = now;
            limitScan();
        }
        switch (now.step()) {
            case AWAITS -> {
                closeFirstBlock(now);
                return now.awaited();
            }
            case ADDED -> closeBlockIfFull(now);
            case NO_ROOM -> closeBlock(now.position(), false);
            case LEFT_OUT -> leaveOut(now);
            case BEYOND -> goBeyond(now);
            case END -> {
                closeBlock(now.position(), true);
                closeObject();
            }
        }
        return null;
    }

    /** Who waits for a partition's first record should not wait until a block is full. */
    private void closeFirstBlock(ObjectScan now) throws IOException {
        if (end.offset() == 0 && framer.count() > 0 && now.isBlockWhole()) {
            closeBlock(now.position(), false);
        }
    }

    private void closeBlockIfFull(ObjectScan now) throws IOException {
        if (framer.isFull() || now.window().holeCount() >= HOLES_MAX) {
            closeBlock(now.position(), false);
        } else if (framer.length() >= FIRST_BLOCK_LENGTH) {
            closeFirstBlock(now);
        }
    }

    private void leaveOut(ObjectScan now) throws IOException {
        String what = "length=" + now.leftOutLength() + " max=" + spec.recordLengthMax();
        if (spec.oversize() == SourceSpec.Oversize.FAIL) {
            closeBlock(now.positionBefore(), false);
            stop(
                    "sample is longer than a record may be: "
                            + place()
                            + " position="
                            + now.leftOutFrom()
                            + " "
                            + what);
            closeObject();
            return;
        }
        noteLeftOut(now, what);
        if (now.window().holeCount() >= HOLES_MAX) {
            closeBlock(now.position(), false);
        }
    }

    private void noteLeftOut(ObjectScan now, String what) {
        leftOutCount++;
        if (faults.size() < NAMED_FAULTS_MAX) {
            faults.add(new Fault(SourceFindings.Kind.LEFT_OUT, now.leftOutFrom(), what));
            logs.complaints()
                    .error(
                            "sample left out, longer than "
                                    + SourceSpec.RECORD_MAX_CONFIG
                                    + ": "
                                    + place()
                                    + " position="
                                    + now.leftOutFrom()
                                    + " "
                                    + what);
        }
    }

    private void onMalformed(MalformedObjectException malformed) throws IOException {
        String what =
                "object is not what its format says: " + place() + " " + malformed.getMessage();
        logs.complaints().error(what);
        ObjectScan now = scan;
        if (now != null) {
            closeBlock(now.position(), false);
        }
        faults.add(
                new Fault(
                        SourceFindings.Kind.BAD_OBJECT,
                        malformed.position(),
                        String.valueOf(malformed.getMessage())));
        if (spec.isStoppedByBad()) {
            append(null, end);
            stop(what);
        } else {
            append(null, end.withBad().nextObject(topic.partitionCount()));
        }
        closeObject();
    }

    /** Journals what is in the block, if there is something to say, and begins another one. */
    private void closeBlock(long toByte, boolean isObjectEnd) throws IOException {
        ByteRanges holes = nonNull(window).takeHoles(toByte);
        SourceEnd next = end.at(end.offset() + framer.count(), toByte, leftOutCount);
        SourceEnd behind = isObjectEnd ? next.nextObject(topic.partitionCount()) : next;
        if (framer.count() == 0 && faults.isEmpty() && leftOutCount == 0) {
            passObject(behind);
            return;
        }
        if (areFactsNew && facts != null && scan != null) {
            facts = facts.withNotes(scan.notes());
        }
        append(framer.count() == 0 ? null : block(toByte, holes), behind);
    }

    private SourceBlock block(long toByte, ByteRanges holes) {
        return new SourceBlock(
                topic.id(),
                partition,
                end.offset(),
                framer.count(),
                SourceBlock.Kind.SAMPLES,
                end.ordinal(),
                end.fromByte(),
                toByte,
                spec.recordLengthMax(),
                nonNull(object).modifiedMs(),
                framer.endedLength(),
                holes);
    }

    private void append(@Nullable SourceBlock block, SourceEnd next) throws IOException {
        ObjectFacts newFacts = areFactsNew && hasToBeKept(facts) ? facts : null;
        SourceEntries.Stretch entry =
                new SourceEntries.Stretch(
                        partition, end.ordinal(), block, newFacts, List.copyOf(faults), next);
        LoadedBlock loaded = block == null ? null : framer.take(block);
        journal.append(entry, loaded);
        if (loaded != null) {
            demand.made(next.offset(), loaded.length());
        }
        end = next;
        isEndAhead = false;
        areFactsNew = false;
        faults.clear();
        leftOutCount = 0;
        framer.begin(end.offset(), 0);
    }

    /** Whether what is known about the object does not follow from the topic alone. */
    private boolean hasToBeKept(@Nullable ObjectFacts known) {
        return known != null
                && (spec.format().equals(SourceSpec.AUTO)
                        || known.isCompressed()
                        || known.notes().length > 0);
    }

    /** An entry is durable, and those before it are. */
    private void onDurable(SourceEntries.Stretch entry, @Nullable LoadedBlock loaded) {
        if (loaded != null) {
            cache(loaded);
        }
        readableEnd = entry.end().offset(); // before the log is looked up: see readableEnd()
        SourceLog current = log;
        if (current != null) {
            current.onIndexed(entry.end().offset());
        }
    }

    /** A block that cannot be cached is loaded when it is read. */
    private void cache(LoadedBlock loaded) {
        try {
            logs.cache().add(loaded);
        } catch (RuntimeException failed) {
            String where = "topic=" + topic.name() + " partition=" + partition;
            logs.complaints().error("block not cached: " + where + " cause=" + failed);
        }
    }

    /** This partition ends here, until its topic is altered. */
    private void stop(String why) {
        if (isAltered) {
            return; // the next step sees whether the new configs end it as well
        }
        failure = why;
        isStalled = true;
        stoppedBy = Unavailable.CORRUPT;
        logs.complaints().error("source is stopped: " + why);
        announceStop();
    }

    /** Tells readers, once they can read everything before. */
    private void announceStop() {
        Unavailable why = stoppedBy;
        SourceLog current = log;
        if (why != null && current != null && journal.isEmpty()) {
            current.onStalled(why);
        }
    }

    /** Something failed that may work later: what was read and has no entry is read again. */
    private void stall(Unavailable why, String what) {
        if (isClosed) {
            release();
            return;
        }
        logs.complaints().error(what);
        failure = what;
        begin();
        pause.begin();
        isStalled = true;
        SourceLog current = log;
        if (current != null) {
            current.onStalled(why);
        }
    }

    private String place() {
        StoredObject current = object;
        return "topic="
                + topic.name()
                + " partition="
                + partition
                + (current == null ? "" : " key=" + current.key());
    }

    private static <T> T nonNull(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("no object is open");
        }
        return value;
    }

    /**
     * Has what was read ahead put into blocks, and gives back the rest, if nobody has asked for
     * that long. Called by one thread, now and then.
     */
    void sweep(long nowNanos, long idleNanos) {
        long wanted = demand.wanted();
        if (wanted != wantedSwept || demand.isEverything()) {
            wantedSwept = wanted;
            idleSinceNanos = nowNanos;
        } else if (nowNanos - idleSinceNanos >= idleNanos && readAhead.isInUse() && !isLeaving) {
            idleSinceNanos = nowNanos; // who waits for what is far away is interrupted rarely
            isReleaseWanted = true;
            steps.signal();
        }
    }

    /**
     * Ends this object for good, unless it is at work or holds what was downloaded; then another
     * one may take its place.
     */
    boolean retire() {
        if (readAhead.isInUse() || !journal.isEmpty() || !steps.retire()) {
            return false;
        }
        isClosed = true;
        release();
        return true;
    }

    /** Ends; what is on its way into the journal is let go of when it is there. */
    void close() {
        isClosed = true;
        readAhead.close(); // what was not begun is not read any more
        steps.signal();
    }
}
