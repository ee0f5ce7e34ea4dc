package io.headrace.engine.source.cache;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.LongPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of the SSD tier, locked against a second process. What is in it that has not the name
 * of a block is none of its business and is left alone. Used by the tier's writer.
 */
final class CacheFolder implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(CacheFolder.class);
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");
    private static final Pattern BLOCK = Pattern.compile("([0-9]{1,18})-([0-9]{1,9})");

    private final Path folder;
    private final FileChannel lockFile;

    /** Receives what was found. */
    @FunctionalInterface
    interface Finder {
        void found(long topicId, int partition, long firstOffset, DiskBlock block);
    }

    private CacheFolder(Path folder, FileChannel lockFile) {
        this.folder = folder;
        this.lockFile = lockFile;
    }

    static CacheFolder open(Path folder) throws IOException {
        Files.createDirectories(folder);
        FileChannel file =
                FileChannel.open(
                        folder.resolve(".lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        boolean isLocked = false;
        try {
            isLocked = file.tryLock() != null;
        } catch (OverlappingFileLockException inThisProcess) {
            // said below
        }
        if (!isLocked) {
            file.close();
            throw new IOException("cache is in use by another process: folder=" + folder);
        }
        return new CacheFolder(folder, file);
    }

    /** Finds all blocks by their names, and deletes what is left of topics that are gone. */
    void list(LongPredicate isTopicKnown, Finder finder) throws IOException {
        long[] found = new long[1];
        forEachNumbered(
                folder,
                (topicId, topic) -> {
                    if (!isTopicKnown.test(topicId)) {
                        deleteTopic(topic);
                        return;
                    }
                    forEachNumbered(
                            topic,
                            (partition, blocks) ->
                                    found[0] += list(topicId, (int) partition, blocks, finder));
                });
        LOGGER.info("SSD cache found: folder={} blocks={}", folder, found[0]);
    }

    private static long list(long topicId, int partition, Path blocks, Finder finder)
            throws IOException {
        long count = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(blocks)) {
            for (Path file : files) {
                Matcher name = BLOCK.matcher(file.getFileName().toString());
                DiskBlock block = name.matches() ? block(name, file) : null;
                if (block != null) {
                    finder.found(topicId, partition, Long.parseLong(name.group(1)), block);
                    count++;
                }
            }
        }
        return count;
    }

    /** A file as a block; null if it is torn, or gone: whoever reads it first may delete it. */
    private static @Nullable DiskBlock block(Matcher name, Path file) throws IOException {
        try {
            long length = Files.size(file);
            if (length > BlockFile.HEADER_LENGTH && length <= Integer.MAX_VALUE) {
                return new DiskBlock(0, Integer.parseInt(name.group(2)), (int) length, false);
            }
            Files.delete(file); // torn: the machine went down before it was written
        } catch (NoSuchFileException gone) {
            // then there is nothing to find
        }
        return null;
    }

    @FunctionalInterface
    private interface Numbered {
        void accept(long number, Path folder) throws IOException;
    }

    private static void forEachNumbered(Path parent, Numbered consumer) throws IOException {
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, Files::isDirectory)) {
            for (Path child : folders) {
                String name = child.getFileName().toString();
                if (NUMBER.matcher(name).matches()) {
                    consumer.accept(Long.parseLong(name), child);
                }
            }
        }
    }

    /** Deletes the blocks of a topic, and its folders if that leaves them empty. */
    static void deleteTopic(Path topic) {
        try {
            forEachNumbered(topic, (partition, blocks) -> deleteBlocks(blocks));
            Files.deleteIfExists(topic);
        } catch (NoSuchFileException nothingThere) {
            // then there is nothing to delete
        } catch (IOException failed) {
            LOGGER.warn("cached blocks of a deleted topic stay: folder={}", topic, failed);
        }
    }

    private static void deleteBlocks(Path blocks) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(blocks)) {
            for (Path file : files) {
                if (BLOCK.matcher(file.getFileName().toString()).matches()) {
                    Files.delete(file);
                }
            }
        }
        Files.delete(blocks);
    }

    @Override
    public void close() {
        try {
            lockFile.close();
        } catch (IOException failed) {
            LOGGER.warn("lock file cannot be closed: folder={}", folder, failed);
        }
    }
}
