package io.headrace.rocks;

import io.headrace.engine.EngineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rocksdb.Options;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;

/**
 * Checks RocksDB's table files by the checksums of their own blocks. A checkpoint's checksums only
 * say that its bytes are as they were copied; this says that they were sound when they were.
 */
final class TableFiles {
    private TableFiles() {}

    /**
     * Reads every block of every table file in a folder.
     *
     * @throws EngineException naming the first file with a bad block
     */
    static void verify(Path folder, Options options) {
        try (var files = Files.newDirectoryStream(folder, "*.sst")) {
            for (Path file : files) {
                verifyFile(file, options);
            }
        } catch (IOException failure) {
            throw new EngineException(
                    "metadata store failed: action=list folder=" + folder, failure);
        }
    }

    private static void verifyFile(Path file, Options options) {
        try (SstFileReader reader = new SstFileReader(options)) {
            reader.open(file.toString());
            reader.verifyChecksum();
        } catch (RocksDBException failure) {
            throw RocksFailure.of("verify file=" + file, failure);
        }
    }
}
