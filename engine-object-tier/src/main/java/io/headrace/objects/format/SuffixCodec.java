package io.headrace.objects.format;

import io.headrace.engine.spi.ObjectCodec;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A compression that keys name by how they end. */
final class SuffixCodec implements ObjectCodec {
    private final String name;
    private final Map<String, String> endings;
    private final Decoder decoder;

    /** Opens a stream of what another holds. */
    interface Decoder {
        InputStream open(InputStream compressed) throws IOException;
    }

    /**
     * @param endings in lower case, and what stands in their place in the plain key
     */
    SuffixCodec(String name, Map<String, String> endings, Decoder decoder) {
        this.name = name;
        this.endings = endings;
        this.decoder = decoder;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean isNamedBy(String key) {
        return ending(key) != null;
    }

    @Override
    public String plainKey(String key) {
        Map.Entry<String, String> ending = ending(key);
        return ending == null
                ? key
                : key.substring(0, key.length() - ending.getKey().length()) + ending.getValue();
    }

    private Map.@Nullable Entry<String, String> ending(String key) {
        String lower = key.toLowerCase(Locale.ROOT);
        for (Map.Entry<String, String> ending : endings.entrySet()) {
            if (lower.endsWith(ending.getKey())) {
                return ending;
            }
        }
        return null;
    }

    @Override
    public InputStream decode(InputStream compressed) throws IOException {
        try {
            return decoder.open(compressed);
        } catch (IOException | RuntimeException failed) {
            compressed.close();
            throw failed;
        }
    }
}
