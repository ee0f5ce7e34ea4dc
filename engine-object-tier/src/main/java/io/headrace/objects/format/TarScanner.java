package io.headrace.objects.format;

import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleScanner;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Groups the members of a tar file into samples. A sample is known to be whole only when the next
 * member of another one, or the end of the archive, was seen: a shard that was cut between two
 * members ends in an error, not in half a sample.
 */
final class TarScanner implements SampleScanner {
    private final TarMember member = new TarMember();

    /** Names of the sample's parts so far. */
    private final Set<String> names = new HashSet<>();

    private long position;

    /** Whether the member was read, and belongs to a sample that was not begun. */
    private boolean isMemberRead;

    /** Of the sample that was begun; null between two samples. */
    private @Nullable String stem;

    TarScanner(long position) {
        this.position = position;
        member.begin(position);
    }

    @Override
    public Progress next(Window window, Sample sample) throws MalformedObjectException {
        if (stem == null) {
            sample.clear();
        }
        if (window.length() == 0) {
            return Progress.END;
        }
        while (readMember(window)) {
            if (member.isArchiveEnd()) {
                return stem == null ? Progress.END : finishSample();
            }
            TarPath path = member.isFile() ? TarPath.of(member.path()) : null;
            if (path != null && stem != null && !path.stem().equals(stem)) {
                return finishSample();
            }
            if (path != null) {
                add(path, sample);
            }
            step(window);
        }
        return Progress.NEEDS_BYTES;
    }

    private boolean readMember(Window window) throws MalformedObjectException {
        if (!isMemberRead) {
            isMemberRead = member.read(window);
        }
        return isMemberRead;
    }

    /** The member that was read belongs to the next sample, and stays read. */
    private Progress finishSample() {
        stem = null;
        position = member.position();
        return Progress.SAMPLE;
    }

    private void add(TarPath path, Sample sample) throws MalformedObjectException {
        if (stem == null) {
            stem = path.stem();
            names.clear();
            position = member.position();
            sample.multiPart(stem);
        }
        if (sample.parts().size() == Sample.PART_COUNT_MAX) {
            throw malformed("too many parts in one sample");
        }
        if (Utf8.length(path.part()) > Sample.NAME_LENGTH_MAX) {
            throw malformed("name of a part is too long");
        }
        if (!names.add(path.part())) {
            throw malformed("two parts of one sample have the same name");
        }
        sample.add(path.part(), member.dataPosition(), member.size());
    }

    private MalformedObjectException malformed(String reason) {
        return new MalformedObjectException(member.position(), reason);
    }

    /** Goes behind the member that was read. What is in no sample is left behind at once. */
    private void step(Window window) throws MalformedObjectException {
        member.requireData(window);
        member.begin(member.end());
        isMemberRead = false;
        if (stem == null) {
            position = member.position();
        }
    }

    @Override
    public long position() {
        return position;
    }
}
