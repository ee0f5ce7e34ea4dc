package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Goes over one object, sample by sample. Used by one thread at a time. */
@Experimental
public interface SampleScanner {

    /** What a step came to. */
    enum Progress {
        /** There is a sample, and the scanner stands behind it. */
        SAMPLE,

        /**
         * The window lacks bytes that it was asked for: call again, with the same sample, when it
         * has them. The scanner stands where it stood, and goes on with that sample: bytes before
         * those that it asked for are not looked at again. The sample holds what was found of it so
         * far, which is nothing if it has no parts: parts that are complete, so that whoever reads
         * knows which stretches nobody wants, or as much of an only part as was seen, so that it
         * knows when it is too long.
         */
        NEEDS_BYTES,

        /** No sample follows. */
        END
    }

    /**
     * Goes on to the next sample.
     *
     * @param sample filled if there is one
     * @throws MalformedObjectException if the object breaks the rules of its format from here on
     */
    Progress next(Window window, Sample sample) throws MalformedObjectException;

    /** Where the scanner stands: everything before belongs to samples that it has given. */
    long position();

    /**
     * What a scanner that begins in the middle of the object has to know; kept with the index, so
     * at most {@link #NOTES_LENGTH_MAX} bytes. Asked after the first call of {@link #next} that did
     * not need more bytes.
     */
    default byte[] notes() {
        return new byte[0];
    }

    /** Most bytes of notes of one object. */
    int NOTES_LENGTH_MAX = 64 << 10;

    /** Bytes of the object, after decompression, that were read. */
    interface Window {

        /** Length of the object after decompression; −1 while that is not known. */
        long length();

        /**
         * Exactly these bytes, from the buffer's position to its limit, borrowed until the sample
         * was framed; or null if they are not here. Then the window gets them before the next call
         * of {@link SampleScanner#next}. A scanner asks for what it has to look at, not for the
         * values of parts: those that nobody wants are stepped over, and not downloaded where that
         * saves a request's worth of bytes.
         *
         * @param length of bytes that lie within the object, if its length is known. If it is not,
         *     they may lie behind its end: then its length is known at the next call
         */
        @Nullable ByteBuffer at(long position, int length);

        /**
         * As many bytes as are here without a gap from a position on, borrowed; possibly none. For
         * scanners that look for an end: they ask {@link #at} for one byte more if it is not in
         * these.
         */
        ByteBuffer from(long position);
    }

    /** An object that is not what its format says: truncated, for example. */
    final class MalformedObjectException extends IOException {
        private static final long serialVersionUID = 1L;

        private final long position;

        /**
         * @param position where, in bytes of the object after decompression
         * @param reason in a few words, such as "truncated member"
         */
        public MalformedObjectException(long position, String reason) {
            super(reason + ": position=" + position);
            this.position = position;
        }

        /** Where, in bytes of the object after decompression. */
        public long position() {
            return position;
        }
    }
}
