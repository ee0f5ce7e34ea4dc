package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;

/**
 * WebDataset: a tar file whose consecutive members that share a stem are one sample. The stem is
 * the path up to the first dot of its base name; what follows that dot names the part. Members
 * without a stem or a dot, and those whose first folder or name stands between double underscores,
 * are in no sample: so the samples are those that the webdataset library finds.
 *
 * <p>Source: {@code base_plus_ext}, {@code tar_file_iterator} and {@code group_by_keys} in
 * webdataset's {@code tariterators.py}.
 */
final class TarFormat implements SampleFormat {
    @Override
    public String name() {
        return "tar";
    }

    @Override
    public SampleScanner scanner(
            StoredObject object, long position, byte[] notes, Options options) {
        return new TarScanner(position);
    }
}
