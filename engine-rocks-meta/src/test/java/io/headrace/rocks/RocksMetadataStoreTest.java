package io.headrace.rocks;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStoreContractTest;
import java.nio.file.Path;

class RocksMetadataStoreTest extends MetadataStoreContractTest {
    @Override
    protected MetadataStore open(Path folder) {
        return RocksMetadataStore.open(folder);
    }
}
