package io.headrace.engine.source;

import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.Sample.Part;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import io.headrace.engine.spi.SampleScanner.Progress;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Takes one object's samples from its scanner to a framer, and has the window get what both of them
 * need. Never waits itself. Used by one thread at a time; {@link #close} gives back the window's
 * memory.
 */
final class ObjectScan implements AutoCloseable {
    /** How much further to look for the end of a sample that does not say where it is. */
    static final int LOOK_LENGTH = 16 << 10;

    private final SampleScanner scanner;
    private final ScanWindow window;
    private final BlockFramer framer;
    private final int recordLengthMax;
    private final Sample sample = new Sample();
    private final SourceSpec spec;
    private State state = State.SCANNING;
    private @Nullable Chunk awaited;
    private long position;
    private long positionBefore;
    private long leftOutFrom;
    private long leftOutLength;
    private byte @Nullable [] notes;
    private long limit = Long.MAX_VALUE;

    private enum State {
        SCANNING,
        /** There is a sample, which is in no block yet. */
        FOUND,
        /** The sample has its place in the block, its values are on their way there. */
        COPYING
    }

    /** What a step came to. */
    enum Step {
        /** {@link ObjectScan#awaited} has to be done first. */
        AWAITS,
        /** A sample is in the block. */
        ADDED,
        /** The block has no room for the sample: the next step adds it to another one. */
        NO_ROOM,
        /** A sample is longer than a record may be. */
        LEFT_OUT,
        /** The next sample, in no block yet, ends behind the {@link ObjectScan#limit}. */
        BEYOND,
        /** There are no more samples. */
        END
    }

    /**
     * @param position where the scanner stands
     * @param recordLengthMax samples with longer values are left out
     */
    ObjectScan(
            SampleScanner scanner,
            long position,
            ScanWindow window,
            BlockFramer framer,
            SourceSpec spec,
            int recordLengthMax) {
        this.scanner = scanner;
        this.position = position;
        this.window = window;
        this.framer = framer;
        this.spec = spec;
        this.recordLengthMax = recordLengthMax;
    }

    /**
     * Goes on.
     *
     * @throws MalformedObjectException if the object breaks the rules of its format from here on
     * @throws IOException the store's answer
     */
    Step step() throws IOException {
        while (true) {
            Step step =
                    switch (state) {
                        case SCANNING -> scan();
                        case FOUND -> add();
                        case COPYING -> copy();
                    };
            if (step != null) {
                return step;
            }
        }
    }

    private @Nullable Step scan() throws IOException {
        window.clearMissing();
        boolean isEnded = window.isEnded();
        Progress progress = scanner.next(window, sample);
        if (progress == Progress.NEEDS_BYTES) {
            if (isEnded) {
                throw new MalformedObjectException(window.end(), "truncated");
            }
            return get();
        }
        if (notes == null) {
            notes = scanner.notes();
        }
        if (progress == Progress.END) {
            position = Math.max(position, scanner.position());
            return Step.END;
        }
        long length = framer.valueLength(sample);
        if (length > recordLengthMax) {
            window.unwanted(length);
            return leaveOut(length);
        }
        noteUnwanted();
        state = State.FOUND;
        return null;
    }

    private void noteUnwanted() {
        if (spec.parts().isEmpty()) {
            return;
        }
        for (Part part : sample.parts()) {
            if (!isWanted(part)) {
                window.unwanted(part.length());
            }
        }
    }

    private Step leaveOut(long length) {
        leftOutFrom = sample.parts().isEmpty() ? position : sample.parts().get(0).position();
        leftOutLength = length;
        passed();
        return Step.LEFT_OUT;
    }

    private void passed() {
        positionBefore = position;
        position = scanner.position();
        window.release(position);
        state = State.SCANNING;
    }

    /** Gets what the scanner asked for; parts that are wanted and lie before that come along. */
    private @Nullable Step get() throws IOException {
        if (window.missingTo() <= window.end()) {
            throw new IllegalStateException(
                    "bytes that were stepped over are asked for: at=" + window.missingFrom());
        }
        if (window.missingTo() > limit) {
            return Step.BEYOND;
        }
        long next = window.missingFrom();
        long kept = window.askedFrom();
        if (framer.valueLength(sample) <= recordLengthMax) {
            List<Part> parts = sample.parts();
            for (int i = 0; i < parts.size(); i++) {
                Part part = parts.get(i);
                if (!isWanted(part)) {
                    continue;
                }
                kept = Math.min(kept, part.position());
                if (part.position() + part.length() > window.end()) {
                    next = Math.min(next, Math.max(part.position(), window.end()));
                    break;
                }
            }
        }
        window.release(kept);
        return await(window.advance(next, window.missingTo()));
    }

    private boolean isWanted(Part part) {
        return !sample.isMultiPart() || spec.isWanted(part.name());
    }

    private @Nullable Step await(@Nullable Chunk missing) {
        awaited = missing;
        return missing == null ? null : Step.AWAITS;
    }

    private @Nullable Step add() throws IOException {
        if (window.length() < 0) {
            // It may end before the sample does, and a record that was begun cannot be taken back.
            Chunk missing = window.advance(window.end(), wantedEnd());
            if (missing != null) {
                return await(missing);
            }
        }
        if (window.length() >= 0 && wantedEnd() > window.length()) {
            throw new MalformedObjectException(window.length(), "truncated");
        }
        if (wantedEnd() > limit) {
            return Step.BEYOND;
        }
        if (!framer.add(sample)) {
            return Step.NO_ROOM;
        }
        state = State.COPYING;
        return null;
    }

    private long wantedEnd() {
        long end = 0;
        for (Part part : sample.parts()) {
            if (isWanted(part)) {
                end = Math.max(end, part.position() + part.length());
            }
        }
        return end;
    }

    private @Nullable Step copy() throws IOException {
        while (!framer.copy(window)) {
            long next = framer.copyPosition();
            window.release(next);
            Chunk missing = window.advance(next, next + 1);
            if (missing != null) {
                return await(missing);
            }
            if (window.end() > next ? !window.holds(next) : window.isEnded()) {
                throw new IllegalStateException("a sample's bytes are not there: at=" + next);
            }
        }
        passed();
        return Step.ADDED;
    }

    /**
     * Takes no sample that ends behind a byte of the object as it is read; one that has its place
     * in the block is finished.
     */
    void limit(long toByte) {
        limit = toByte;
    }

    /** Where the sample ends that comes next, or at least a bit more of it. */
    long sampleEnd() {
        return state == State.SCANNING
                ? Math.max(window.missingTo(), window.end() + LOOK_LENGTH)
                : wantedEnd();
    }

    /** What a step has to wait for. */
    Chunk awaited() {
        return Objects.requireNonNull(awaited, "awaited");
    }

    /** Everything before is in blocks, or left out. */
    long position() {
        return position;
    }

    /** Where {@link #position} was before the last sample. */
    long positionBefore() {
        return positionBefore;
    }

    /** Whether all samples of the block are whole, so that it can be closed. */
    boolean isBlockWhole() {
        return state != State.COPYING;
    }

    /** Where the sample begins that was left out last. */
    long leftOutFrom() {
        return leftOutFrom;
    }

    /** Bytes of the value of the sample that was left out last. */
    long leftOutLength() {
        return leftOutLength;
    }

    /** What scanners of this object have to know; empty before the first sample. */
    byte[] notes() {
        return notes == null ? new byte[0] : notes;
    }

    ScanWindow window() {
        return window;
    }

    @Override
    public void close() {
        window.close();
    }
}
