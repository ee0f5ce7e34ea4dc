package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;

/**
 * Text, one sample per line. A line ends before a line feed, or a carriage return and a line feed;
 * the last one may have neither. An empty line is a sample.
 */
final class LinesFormat implements SampleFormat {
    @Override
    public String name() {
        return "lines";
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return new Scanner(position);
    }

    /**
     * Looks at each byte once: where a line goes on beyond the window, the search goes on there, so
     * that a long line costs its length and not its square.
     */
    private static final class Scanner implements SampleScanner {
        private static final byte CARRIAGE_RETURN = '\r';

        private long position;

        /** End of what was searched of the line that begins at the position. */
        private long searchedTo;

        private boolean isReturnLast;

        Scanner(long position) {
            this.position = position;
            searchedTo = position;
        }

        @Override
        public Progress next(Window window, Sample sample) {
            ByteBuffer text = window.from(searchedTo);
            int from = text.position();
            int lineFeed = LineFeeds.first(text);
            if (lineFeed >= 0) {
                noteLast(text, from, lineFeed);
                searchedTo += lineFeed - from;
                return line(sample, isReturnLast ? 1 : 0, 1);
            }
            noteLast(text, from, text.limit());
            searchedTo += text.limit() - from;
            return beyond(window, sample);
        }

        private void noteLast(ByteBuffer text, int from, int to) {
            if (to > from) {
                isReturnLast = text.get(to - 1) == CARRIAGE_RETURN;
            }
        }

        /** No line feed is here: the line goes on, or it is the last. */
        private Progress beyond(Window window, Sample sample) {
            if (!Reading.isEnd(window, searchedTo)) {
                window.at(searchedTo, 1);
                found(sample, searchedTo - position);
                return Progress.NEEDS_BYTES;
            }
            if (searchedTo == position) {
                sample.clear();
                return Progress.END;
            }
            return line(sample, 0, 0);
        }

        private void found(Sample sample, long length) {
            if (length == 0) {
                sample.clear();
            } else {
                sample.single(null, position, length);
            }
        }

        /** The line up to what was searched. */
        private Progress line(Sample sample, int returnLength, int lineFeedLength) {
            sample.single(null, position, searchedTo - returnLength - position);
            searchedTo += lineFeedLength;
            position = searchedTo;
            isReturnLast = false;
            return Progress.SAMPLE;
        }

        @Override
        public long position() {
            return position;
        }
    }
}
