package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;

/**
 * An object that is one sample as it is stored: what no other format claims. Its notes, if there
 * are any, say how long the pieces are that it is split into: that is decided once, when the object
 * is first read.
 */
final class WholeObjectFormat implements SampleFormat {
    static final WholeObjectFormat INSTANCE = new WholeObjectFormat();

    private WholeObjectFormat() {}

    /** Notes that split an object into pieces of a length. */
    static byte[] piecesOf(int length) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(length).array();
    }

    @Override
    public String name() {
        return SourceSpec.FILES;
    }

    /**
     * @param notes as {@link #piecesOf} made them, or none; at position 0 too
     */
    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return new Scanner(object, position, notes);
    }

    private static final class Scanner implements SampleScanner {
        private final StoredObject object;
        private final byte[] notes;
        private final long pieceLength;
        private long position;

        Scanner(StoredObject object, long position, byte[] notes) {
            this.object = object;
            this.position = position;
            this.notes = notes;
            this.pieceLength =
                    notes.length == 0 ? object.length() : ByteBuffer.wrap(notes).getInt();
        }

        @Override
        public Progress next(Window window, Sample sample) {
            sample.clear();
            if (position >= object.length()) {
                return Progress.END;
            }
            long length = Math.min(pieceLength, object.length() - position);
            sample.single(object.key(), position, length);
            position += length;
            return Progress.SAMPLE;
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public byte[] notes() {
            return notes;
        }
    }
}
