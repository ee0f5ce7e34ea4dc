package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * TensorFlow's records: per record u64 length, masked CRC32C of these eight bytes, the data, masked
 * CRC32C of the data; little endian. Both checksums are verified.
 *
 * <p>Source: "TFRecords format details" in TensorFlow's tutorial {@code load_data/tfrecord}, and
 * {@code tsl/lib/io/record_writer.h}.
 */
final class TfRecordFormat implements SampleFormat {
    static final int HEADER_LENGTH = Long.BYTES + Integer.BYTES;
    private static final int FOOTER_LENGTH = Integer.BYTES;

    @Override
    public String name() {
        return "tfrecord";
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return new Scanner(position);
    }

    /**
     * Whether a record can begin here.
     *
     * @param header at least {@link #HEADER_LENGTH} bytes from its position on
     */
    static boolean isHeader(ByteBuffer header) {
        return isHeader(header, new CRC32C());
    }

    private static boolean isHeader(ByteBuffer header, CRC32C crc) {
        int at = header.position();
        crc.reset();
        crc.update(header.duplicate().limit(at + Long.BYTES));
        return masked(crc) == LittleEndian.intAt(header, at + Long.BYTES);
    }

    /** TensorFlow's mask: a CRC of data that holds CRCs is of little use without it. */
    private static int masked(CRC32C crc) {
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
    }

    /** Takes the data as it comes, so that a long record need not be here as one. */
    private static final class Scanner implements SampleScanner {
        private final CRC32C crc = new CRC32C();
        private long position;

        /** End of the data that is in the checksum; the position before the header was read. */
        private long checkedTo;

        private long dataLength;

        Scanner(long position) {
            this.position = position;
            checkedTo = position;
        }

        @Override
        public Progress next(Window window, Sample sample) throws MalformedObjectException {
            if (checkedTo == position) {
                sample.clear();
                if (Reading.isEnd(window, position)) {
                    return Progress.END;
                }
                if (!beginRecord(window)) {
                    return Progress.NEEDS_BYTES;
                }
            }
            boolean isWhole = checkData(window) && checkFooter(window);
            sample.single(null, dataFrom(), isWhole ? dataLength : checkedTo - dataFrom());
            if (!isWhole) {
                return Progress.NEEDS_BYTES;
            }
            position = dataTo() + FOOTER_LENGTH;
            checkedTo = position;
            return Progress.SAMPLE;
        }

        private boolean beginRecord(Window window) throws MalformedObjectException {
            ByteBuffer header = Reading.at(window, position, HEADER_LENGTH);
            if (header == null) {
                return false;
            }
            if (!isHeader(header, crc)) {
                throw new MalformedObjectException(position, "wrong checksum of the length");
            }
            dataLength = LittleEndian.longAt(header, header.position());
            if (dataLength < 0 || dataLength > Long.MAX_VALUE - dataFrom() - FOOTER_LENGTH) {
                throw new MalformedObjectException(position, "impossible length");
            }
            crc.reset();
            checkedTo = dataFrom();
            return true;
        }

        private long dataFrom() {
            return position + HEADER_LENGTH;
        }

        private long dataTo() {
            return dataFrom() + dataLength;
        }

        /** False if the data goes on beyond the window. */
        private boolean checkData(Window window) throws MalformedObjectException {
            Reading.requireWithin(window, dataFrom(), dataLength + FOOTER_LENGTH);
            while (checkedTo < dataTo()) {
                ByteBuffer data = window.from(checkedTo).duplicate();
                int length = (int) Math.min(data.remaining(), dataTo() - checkedTo);
                if (length == 0) {
                    window.at(checkedTo, 1);
                    return false;
                }
                crc.update(data.limit(data.position() + length));
                checkedTo += length;
            }
            return true;
        }

        private boolean checkFooter(Window window) throws MalformedObjectException {
            ByteBuffer footer = Reading.at(window, dataTo(), FOOTER_LENGTH);
            if (footer == null) {
                return false;
            }
            if (LittleEndian.intAt(footer, footer.position()) != masked(crc)) {
                throw new MalformedObjectException(position, "wrong checksum of the data");
            }
            return true;
        }

        @Override
        public long position() {
            return position;
        }
    }
}
