package io.headrace.engine.spi;

import io.headrace.engine.Experimental;

/** What a journal entry is. The codes are on disk: docs/design/formats.md. */
@Experimental
public enum EntryType {
    /** A record batch of a partition. */
    BATCH(1),
    /** The log start offset of a partition was moved up to {@code baseOffset}; no payload. */
    LOG_START(2),
    /** Offsets of a partition below {@code baseOffset} may have been used; no payload. */
    OFFSET_RESERVE(3),
    /** A metadata command; the payload's first byte says which. */
    COMMAND(4),
    /** An entry of a source's index; the payload's first byte says which. */
    SOURCE_INDEX(5),
    /** Batches are in a segment from now on; the payload says which. */
    SEALED(6),
    /**
     * A partition's log ends at {@code baseOffset}, whatever its last batch says: all offsets below
     * are taken, and none above; no payload.
     */
    LOG_END(7),
    /** Batches of a partition have lost records; the payload says which, and where they are. */
    COMPACTED(8);

    private static final EntryType[] BY_CODE = new EntryType[9];

    static {
        for (EntryType type : values()) {
            BY_CODE[type.code] = type;
        }
    }

    private final byte code;

    EntryType(int code) {
        this.code = (byte) code;
    }

    /** The code on disk. */
    public byte code() {
        return code;
    }

    /**
     * The type of a code.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static EntryType of(byte code) {
        EntryType type = code > 0 && code < BY_CODE.length ? BY_CODE[code] : null;
        if (type == null) {
            throw new IllegalArgumentException("unknown journal entry type: code=" + code);
        }
        return type;
    }
}
