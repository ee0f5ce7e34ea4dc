package io.headrace.engine.source;

import io.headrace.engine.SourceFindings.Kind;
import java.nio.ByteBuffer;

/**
 * Something that was left out or is wrong, as it is kept with the index.
 *
 * @param kind what it is
 * @param position in the object, in bytes after decompression
 * @param reason in a few words
 */
record Fault(Kind kind, long position, String reason) {

    byte[] encode() {
        byte[] text = SourceEntries.bytes(reason);
        ByteBuffer into = ByteBuffer.allocate(1 + Long.BYTES + Integer.BYTES + text.length);
        into.put(code(kind)).putLong(position);
        SourceEntries.putText(into, text);
        return into.array();
    }

    static Fault decode(ByteBuffer from) {
        return new Fault(kind(from.get()), from.getLong(), SourceEntries.getText(from));
    }

    static byte code(Kind kind) {
        return switch (kind) {
            case BAD_OBJECT -> 1;
            case LEFT_OUT -> 2;
            case ORPHAN -> 3;
        };
    }

    private static Kind kind(byte code) {
        return switch (code) {
            case 1 -> Kind.BAD_OBJECT;
            case 2 -> Kind.LEFT_OUT;
            case 3 -> Kind.ORPHAN;
            default -> throw new IllegalArgumentException("unknown finding: code=" + code);
        };
    }
}
