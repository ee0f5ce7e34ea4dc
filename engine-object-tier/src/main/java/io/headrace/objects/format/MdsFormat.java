package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;

/**
 * Shards of MosaicML's streaming, read in place: u32 sample count n, n + 1 u32 offsets of samples
 * and of their end, a JSON description, the samples; little endian. A sample is one u32 length per
 * column of variable size, and then the values of all columns.
 *
 * <p>Source: {@code MDSWriter.encode_joint_shard} and {@code encode_sample} in
 * streaming/base/format/mds/writer.py.
 */
final class MdsFormat implements SampleFormat {
    @Override
    public String name() {
        return "mds";
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return position == 0
                ? new MdsScanner()
                : new MdsScanner(position, MdsColumns.ofNotes(notes));
    }
}
