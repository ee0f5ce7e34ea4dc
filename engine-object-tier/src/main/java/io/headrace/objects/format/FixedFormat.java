package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;

/** Records of one length, one behind the other, such as the sequences of a token shard. */
final class FixedFormat implements SampleFormat {
    @Override
    public String name() {
        return "fixed";
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        if (options.recordLength() <= 0) {
            throw new IllegalArgumentException(
                    "the format fixed needs a record length: recordLength="
                            + options.recordLength());
        }
        return new Scanner(position, options.recordLength());
    }

    /** Looks at no byte where the object's length is known. */
    private static final class Scanner implements SampleScanner {
        private final int recordLength;
        private long position;

        Scanner(long position, int recordLength) {
            this.position = position;
            this.recordLength = recordLength;
        }

        @Override
        public Progress next(Window window, Sample sample) throws MalformedObjectException {
            sample.clear();
            if (Reading.isEnd(window, position)) {
                return Progress.END;
            }
            if (!Reading.isWithin(window, position, recordLength)) {
                return Progress.NEEDS_BYTES;
            }
            sample.single(null, position, recordLength);
            position += recordLength;
            return Progress.SAMPLE;
        }

        @Override
        public long position() {
            return position;
        }
    }
}
