package io.headrace.engine.source;

import java.nio.ByteBuffer;

/**
 * What is decided once for an object, since its offsets follow from it.
 *
 * @param format name of the format; {@link SourceSpec#FILES} if the object is one sample
 * @param codec name of the compression; empty if it has none
 * @param notes what the format's scanners have to know
 */
record ObjectFacts(String format, String codec, byte[] notes) {
    private static final byte[] NO_NOTES = new byte[0];

    static ObjectFacts of(String format, String codec) {
        return new ObjectFacts(format, codec, NO_NOTES);
    }

    ObjectFacts withNotes(byte[] ofScanner) {
        return new ObjectFacts(format, codec, ofScanner);
    }

    boolean isCompressed() {
        return !codec.isEmpty();
    }

    byte[] encode() {
        byte[] formatBytes = SourceEntries.bytes(format);
        byte[] codecBytes = SourceEntries.bytes(codec);
        ByteBuffer into =
                ByteBuffer.allocate(
                        3 * Integer.BYTES + formatBytes.length + codecBytes.length + notes.length);
        SourceEntries.putText(into, formatBytes);
        SourceEntries.putText(into, codecBytes);
        SourceEntries.putText(into, notes);
        return into.array();
    }

    static ObjectFacts decode(ByteBuffer from) {
        String format = SourceEntries.getText(from);
        String codec = SourceEntries.getText(from);
        byte[] notes = new byte[from.getInt()];
        from.get(notes);
        return new ObjectFacts(format, codec, notes);
    }
}
