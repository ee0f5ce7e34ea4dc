package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectCodec;
import java.util.List;
import java.util.Map;

/** The compressions. Each refuses a truncated or damaged object, and takes concatenated ones. */
final class Codecs {
    private static final String TAR = ".tar";

    static final ObjectCodec GZIP =
            new SuffixCodec("gzip", Map.of(".gz", "", ".gzip", "", ".tgz", TAR), GzipInput::new);

    static final ObjectCodec ZSTD =
            new SuffixCodec("zstd", Map.of(".zst", "", ".zstd", "", ".tzst", TAR), ZstdInput::new);

    static final ObjectCodec LZ4 = new SuffixCodec("lz4", Map.of(".lz4", ""), Lz4Input::new);

    static final List<ObjectCodec> ALL = List.of(GZIP, ZSTD, LZ4);

    private Codecs() {}
}
