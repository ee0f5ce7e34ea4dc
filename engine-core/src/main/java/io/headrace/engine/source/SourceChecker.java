package io.headrace.engine.source;

import io.headrace.engine.SourceCheck;
import io.headrace.engine.Sources;
import io.headrace.engine.Sources.CheckedPart;
import io.headrace.engine.Sources.CheckedSample;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.Sample.Part;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import io.headrace.engine.spi.SampleScanner.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks at a source before a topic is made of it: some pages of its listing, and the beginning of
 * its first object that has bytes. Blocks; used once, by one thread.
 */
final class SourceChecker {
    /** Pages of a listing that are looked at: at 1000 objects each. */
    private static final int PAGES_MAX = 20;

    /** Bytes of the object that are read, unless its first samples take more. */
    private static final int LOOK_LENGTH = 1 << 20;

    /** Bytes that are read in order to show samples at most. */
    private static final long READ_LENGTH_MAX = 64 << 20;

    private static final int SMALL_READ_LENGTH = 1;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final long NANOS_PER_MS = 1_000_000L;

    private final SourceLogs logs;
    private final SourceSpec spec;
    private final LongSupplier clock;
    private final List<String> remarks = new ArrayList<>();
    private final List<CheckedSample> samples = new ArrayList<>();
    private long objectCount;
    private long objectBytes;
    private long leadCount;
    private boolean isWhole;
    private @Nullable StoredObject first;
    private long longestObject;

    // of the object that was looked at
    private String format = "";
    private String codec = "";
    private long sampleCount;
    private long sampledBytes;
    private long bytesPerSecond;
    private long requestNanos;

    SourceChecker(SourceLogs logs, Map<String, String> configs) {
        this.logs = logs;
        this.spec = SourceSpec.wanted(configs, logs.stores(), logs.datasetReaders());
        this.clock = logs.nanoClock();
    }

    /** Where {@link #check} is to run. */
    StoreThreads threads() {
        return logs.threads(spec.store());
    }

    SourceCheck check() throws IOException {
        list();
        StoredObject object = first;
        if (object == null) {
            remarks.add("there is no object with bytes in it");
        } else {
            look(object);
        }
        long records = recordEstimate();
        long reads = readEstimate();
        return new SourceCheck(
                format,
                codec,
                samples,
                objectCount,
                objectBytes,
                isWhole,
                records,
                bytesPerSecond,
                requestNanos / NANOS_PER_MS,
                indexMsEstimate(),
                reads,
                remarks);
    }

    private void list() throws IOException {
        String afterKey = null;
        for (int i = 0; i < PAGES_MAX && !isWhole; i++) {
            List<StoredObject> page = ObjectPages.list(spec, afterKey, SourceListing.PAGE_LIMIT);
            isWhole = page.size() < SourceListing.PAGE_LIMIT;
            for (StoredObject object : page) {
                afterKey = object.key();
                if (ObjectPages.isObject(object)) {
                    count(object);
                }
            }
        }
        if (spec.join() != null) {
            remarks.add(
                    "samples are at most the objects of the first tree; what they are is not shown,"
                            + " as a check joins nothing");
        }
    }

    private void count(StoredObject object) {
        objectCount++;
        objectBytes += object.length();
        leadCount += isLead(object) ? 1 : 0;
        longestObject = Math.max(longestObject, object.length());
        if (first == null && object.length() > 0) {
            first = object;
        }
    }

    /** Whether a sample begins with the object: each, or one of the first of joined trees. */
    private boolean isLead(StoredObject object) {
        SourceJoin join = spec.join();
        String root = spec.path().isEmpty() ? "" : spec.path() + "/";
        return join == null || object.key().startsWith(root + join.trees().get(0).path());
    }

    private void look(StoredObject object) throws IOException {
        measureRequest(object);
        long begin = clock.getAsLong();
        try (ReadAhead raw = logs.readAhead(spec, object)) {
            raw.endAt(0, LOOK_LENGTH);
            scan(object, raw);
        }
        long nanos = Math.max(1, clock.getAsLong() - begin);
        bytesPerSecond = // of no sample there is no rate
                sampledBytes == 0 ? 0 : Math.max(1, sampledBytes * NANOS_PER_SECOND / nanos);
        if (spec.isListedOnly() && longestObject > spec.recordLengthMax()) {
            remarks.add(
                    "some objects are longer than a record may be: longest="
                            + longestObject
                            + " max="
                            + spec.recordLengthMax());
        }
    }

    private void measureRequest(StoredObject object) throws IOException {
        long begin = clock.getAsLong();
        logs.storeReader().read(spec.store(), object, 0, ByteBuffer.allocate(SMALL_READ_LENGTH));
        requestNanos = clock.getAsLong() - begin;
    }

    private void scan(StoredObject object, ReadAhead raw) throws IOException {
        ObjectFacts known = logs.readers().facts(spec, object);
        ObjectCodec decoding = decoding(object, known);
        try (Bytes bytes = new Bytes(decoding, object, raw)) {
            ObjectFacts facts = known == null ? guess(object, bytes) : known;
            format = facts.format();
            codec = spec.isListedOnly() ? "" : facts.codec();
            if (decoding == null || facts.isCompressed()) {
                showSamples(object, facts, bytes);
            } else {
                showAsStored(object, raw);
            }
        } catch (MalformedObjectException malformed) {
            remarks.add("key=" + object.key() + ": " + malformed.getMessage());
        }
    }

    private @Nullable ObjectCodec decoding(StoredObject object, @Nullable ObjectFacts known) {
        if (spec.isListedOnly()) {
            return null;
        }
        return known == null ? logs.readers().codecFor(object) : logs.readers().codec(known);
    }

    /** A record of the object as it is stored, whatever its name says. */
    private void showAsStored(StoredObject object, ReadAhead raw) throws IOException {
        try (Bytes stored = new Bytes(null, object, raw)) {
            showSamples(object, ObjectFacts.of(SourceSpec.FILES, ""), stored);
        }
    }

    /** An object's bytes after decompression. */
    private final class Bytes implements AutoCloseable {
        final ScanWindow window;
        private final ReadAhead raw;
        private final @Nullable DecodedStream decoded;

        Bytes(@Nullable ObjectCodec codec, StoredObject object, ReadAhead raw) {
            this.raw = raw;
            ChunkSource stored = raw.begin(0, object, 0);
            if (codec == null) {
                decoded = null;
                window = new ScanWindow(stored, 0);
            } else {
                DecodedStream stream =
                        new DecodedStream(
                                new Decoder(codec, stored), logs.slabs(), threads().demand(), 0);
                decoded = stream;
                window = new ScanWindow(stream, 0);
            }
        }

        /** Waits for a range. Compressed, it takes hardly more bytes than it has. */
        void require(long from, long to) throws IOException {
            long end = Math.max(to, window.end() + ObjectScan.LOOK_LENGTH);
            raw.endAt(0, Math.max(LOOK_LENGTH, end));
            window.require(from, to);
        }

        @Override
        public void close() {
            window.close();
            if (decoded != null) {
                decoded.close();
            }
        }
    }

    private ObjectFacts guess(StoredObject object, Bytes bytes) throws IOException {
        ScanWindow window = bytes.window;
        bytes.require(0, DatasetReaders.HEAD_LENGTH);
        ByteBuffer head = window.from(0);
        boolean isAll = window.length() >= 0 && window.length() <= head.remaining();
        head.limit(Math.min(head.limit(), DatasetReaders.HEAD_LENGTH));
        return logs.readers().guess(spec, object, head, isAll);
    }

    private void showSamples(StoredObject object, ObjectFacts facts, Bytes bytes)
            throws IOException {
        ScanWindow window = bytes.window;
        SampleScanner scanner = logs.readers().scanner(spec, object, facts, 0);
        Sample sample = new Sample();
        while (samples.size() < Sources.CHECK_SAMPLE_COUNT || scanner.position() < LOOK_LENGTH) {
            window.clearMissing();
            boolean isEnded = window.isEnded();
            Progress progress = scanner.next(window, sample);
            if (progress == Progress.END) {
                break;
            }
            if (progress == Progress.SAMPLE) {
                sampleCount++;
                sampledBytes = scanner.position();
                show(object, sample, bytes);
                window.release(sampledBytes);
            } else if (isEnded) {
                throw new MalformedObjectException(window.end(), "truncated");
            } else if (window.missingTo() > READ_LENGTH_MAX) {
                remarks.add("the first samples are longer than what a check reads");
                return;
            } else {
                bytes.require(window.missingFrom(), window.missingTo());
            }
        }
    }

    private void show(StoredObject object, Sample sample, Bytes bytes) throws IOException {
        boolean isPartOfOne = spec.join() != null; // not what a consumer will get
        if (isPartOfOne
                || samples.size() == Sources.CHECK_SAMPLE_COUNT
                || sample.parts().isEmpty()) {
            return;
        }
        List<CheckedPart> parts = new ArrayList<>();
        for (Part part : sample.parts()) {
            if (!sample.isMultiPart() || spec.isWanted(part.name())) {
                parts.add(new CheckedPart(part.name(), part.length(), head(part, bytes)));
            }
        }
        String key = sample.key();
        samples.add(
                new CheckedSample(
                        key == null ? "" : key,
                        object.key(),
                        sample.parts().get(0).position(),
                        parts));
        if (samples.size() == Sources.CHECK_SAMPLE_COUNT) {
            compareParts();
        }
    }

    private static byte[] head(Part part, Bytes from) throws IOException {
        int length = (int) Math.min(CheckedPart.HEAD_LENGTH_MAX, part.length());
        from.require(part.position(), part.position() + length);
        ByteBuffer bytes =
                length == 0 ? ByteBuffer.allocate(0) : from.window.at(part.position(), length);
        byte[] head = new byte[length];
        if (bytes != null) {
            bytes.get(head);
        }
        return head;
    }

    private void compareParts() {
        Set<String> all = new LinkedHashSet<>();
        samples.forEach(sample -> all.addAll(names(sample)));
        for (String name : all) {
            if (samples.stream().anyMatch(sample -> !names(sample).contains(name))) {
                remarks.add("not all samples have the part " + name);
            }
        }
    }

    private static List<String> names(CheckedSample sample) {
        return sample.parts().stream().map(CheckedPart::name).toList();
    }

    private long recordEstimate() {
        if (spec.isListedOnly() || format.equals(SourceSpec.FILES)) {
            return isWhole ? leadCount : Math.max(1, leadCount); // another tree may come first
        }
        return sampledBytes == 0
                ? 0
                : Math.max(sampleCount, objectBytes * sampleCount / sampledBytes);
    }

    private long readEstimate() {
        if (spec.isListedOnly()) {
            return objectCount;
        }
        return objectCount + objectBytes / RangeList.REQUEST_LENGTH_MAX;
    }

    /** Nobody has to look into objects that are records: they are only listed. */
    private long indexMsEstimate() {
        if (spec.isListedOnly()) {
            return objectCount / SourceListing.PAGE_LIMIT * requestNanos / NANOS_PER_MS;
        }
        return bytesPerSecond == 0 ? 0 : objectBytes * 1000 / bytesPerSecond;
    }
}
