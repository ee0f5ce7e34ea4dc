package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;

/** An object that is one sample as it is stored: what no other format claims. */
final class WholeObjectFormat implements SampleFormat {
    static final WholeObjectFormat INSTANCE = new WholeObjectFormat();

    private WholeObjectFormat() {}

    @Override
    public String name() {
        return SourceSpec.FILES;
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return new Scanner(object, position);
    }

    private static final class Scanner implements SampleScanner {
        private final StoredObject object;
        private long position;

        Scanner(StoredObject object, long position) {
            this.object = object;
            this.position = position;
        }

        @Override
        public Progress next(Window window, Sample sample) {
            sample.clear();
            if (position >= object.length()) {
                return Progress.END;
            }
            sample.single(object.key(), 0, object.length());
            position = object.length();
            return Progress.SAMPLE;
        }

        @Override
        public long position() {
            return position;
        }
    }
}
