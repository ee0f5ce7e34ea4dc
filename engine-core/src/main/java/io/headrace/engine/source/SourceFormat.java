package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import java.util.Locale;

/**
 * How the bytes of a source's objects become records. The codes are on disk:
 * docs/design/formats.md.
 */
public enum SourceFormat {
    /**
     * One object is one record: key = the object's key, value = its bytes, headers = its lineage.
     */
    FILES(1),
    /**
     * One line is one record, without its line feed (and a carriage return before that); no key.
     */
    LINES(2);

    private final byte code;

    SourceFormat(int code) {
        this.code = (byte) code;
    }

    /** The code on disk. */
    byte code() {
        return code;
    }

    static SourceFormat of(byte code) {
        for (SourceFormat format : values()) {
            if (format.code == code) {
                return format;
            }
        }
        throw new IllegalArgumentException("unknown source format: code=" + code);
    }

    /**
     * The format of a config value.
     *
     * @throws InvalidConfigException if there is none of that name
     */
    public static SourceFormat of(String configValue) {
        for (SourceFormat format : values()) {
            if (format.name().toLowerCase(Locale.ROOT).equals(configValue)) {
                return format;
            }
        }
        throw new InvalidConfigException(SourceSpec.FORMAT_CONFIG, configValue, "files or lines");
    }
}
