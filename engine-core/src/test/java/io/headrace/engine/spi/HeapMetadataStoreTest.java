package io.headrace.engine.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeapMetadataStoreTest extends MetadataStoreContractTest {
    @Override
    protected MetadataStore open(Path folder) {
        return HeapMetadataStore.open(folder);
    }

    @Test
    void whatWasNotFlushedIsLostInACrash() {
        put("a");
        store.flush();
        put("b");
        try (MetadataStore reopened = open(folder())) {
            assertEquals(List.of("a"), keys(reopened, ""));
        }
    }
}
