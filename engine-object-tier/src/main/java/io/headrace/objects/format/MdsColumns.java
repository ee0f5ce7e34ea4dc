package io.headrace.objects.format;

import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * The columns of an MDS shard, and where its samples end: all that a scanner in its middle needs.
 */
final class MdsColumns {
    /** Of a column whose values have lengths of their own. */
    static final long VARIABLE = 0;

    private static final int FORMAT_VERSION = 2;
    private static final byte NOTES_VERSION = 1;
    private static final int NOTES_HEADER_LENGTH = 1 + Long.BYTES + Short.BYTES;
    private static final int NOTES_COLUMN_LENGTH = 1 + Integer.BYTES;

    private final String[] names;
    private final long[] sizes;
    private final long end;

    private MdsColumns(String[] names, long[] sizes, long end) {
        this.names = names;
        this.sizes = sizes;
        this.end = end;
    }

    /**
     * Out of a shard's description of itself.
     *
     * @param json text
     * @param end where its last sample ends in the object
     * @throws IllegalArgumentException if it is none; its message is short and names what is wrong
     */
    static MdsColumns ofJson(String json, long end) {
        if (!(JsonReader.read(json) instanceof Map<?, ?> config)) {
            throw new IllegalArgumentException("description of an MDS shard is not an object");
        }
        if (!"mds".equals(config.get("format"))
                || !Long.valueOf(FORMAT_VERSION).equals(config.get("version"))) {
            throw new IllegalArgumentException("not an MDS shard of version 2");
        }
        if (!(config.get("column_names") instanceof List<?> names)
                || !(config.get("column_sizes") instanceof List<?> sizes)
                || names.isEmpty()
                || names.size() != sizes.size()) {
            throw new IllegalArgumentException("MDS shard without names and sizes of its columns");
        }
        return new MdsColumns(names(names), sizes(sizes), end).requireSane();
    }

    private static String[] names(List<?> values) {
        String[] names = new String[values.size()];
        for (int i = 0; i < names.length; i++) {
            if (!(values.get(i) instanceof String name)) {
                throw new IllegalArgumentException("name of an MDS column is no text");
            }
            names[i] = name;
        }
        return names;
    }

    private static long[] sizes(List<?> values) {
        long[] sizes = new long[values.size()];
        for (int i = 0; i < sizes.length; i++) {
            Object size = values.get(i);
            if (size != null
                    && !(size instanceof Long number && number >= 0 && number >> 32 == 0)) {
                throw new IllegalArgumentException("size of an MDS column is no length");
            }
            sizes[i] = size == null ? VARIABLE : (Long) size;
        }
        return sizes;
    }

    private MdsColumns requireSane() {
        if (new HashSet<>(Arrays.asList(names)).size() != names.length) {
            throw new IllegalArgumentException("two MDS columns have the same name");
        }
        for (String name : names) {
            if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)
                    || Utf8.length(name) > Sample.NAME_LENGTH_MAX) {
                throw new IllegalArgumentException("name of an MDS column is too long or no text");
            }
        }
        if (names.length > Sample.PART_COUNT_MAX
                || notesLength() > SampleScanner.NOTES_LENGTH_MAX) {
            throw new IllegalArgumentException("too many MDS columns");
        }
        return this;
    }

    int count() {
        return names.length;
    }

    String name(int column) {
        return names[column];
    }

    /** Bytes of each of its values, or {@link #VARIABLE}. */
    long size(int column) {
        return sizes[column];
    }

    /** Bytes of the lengths that each sample begins with: u32 per variable column. */
    int headLength() {
        int length = 0;
        for (long size : sizes) {
            length += size == VARIABLE ? Integer.BYTES : 0;
        }
        return length;
    }

    /** The fewest bytes that a sample takes. */
    long sampleLengthMin() {
        return headLength() + Arrays.stream(sizes).sum();
    }

    /** Where the last sample ends. */
    long end() {
        return end;
    }

    private int notesLength() {
        int length = NOTES_HEADER_LENGTH;
        for (String name : names) {
            length += NOTES_COLUMN_LENGTH + Utf8.length(name);
        }
        return length;
    }

    /** Written as docs/design/formats.md says, "Notes of MDS shards". */
    byte[] toNotes() {
        ByteBuffer notes = ByteBuffer.allocate(notesLength());
        notes.put(NOTES_VERSION).putLong(end).putShort((short) names.length);
        for (int i = 0; i < names.length; i++) {
            byte[] name = names[i].getBytes(StandardCharsets.UTF_8);
            notes.put((byte) name.length).put(name).putInt((int) sizes[i]);
        }
        return notes.array();
    }

    /** Reads what {@link #toNotes} wrote. */
    static MdsColumns ofNotes(byte[] bytes) {
        ByteBuffer notes = ByteBuffer.wrap(bytes);
        byte version = notes.get();
        if (version != NOTES_VERSION) {
            throw new IllegalArgumentException("unknown notes of an MDS shard: version=" + version);
        }
        long end = notes.getLong();
        int count = Short.toUnsignedInt(notes.getShort());
        String[] names = new String[count];
        long[] sizes = new long[count];
        for (int i = 0; i < count; i++) {
            byte[] name = new byte[Byte.toUnsignedInt(notes.get())];
            notes.get(name);
            names[i] = new String(name, StandardCharsets.UTF_8);
            sizes[i] = Integer.toUnsignedLong(notes.getInt());
        }
        return new MdsColumns(names, sizes, end);
    }
}
