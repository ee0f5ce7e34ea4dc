package io.headrace.objects;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What one stat call says about a regular file.
 *
 * @param length in bytes
 * @param modified time of the last write
 * @param inode number of the file within its file system
 */
record FileState(long length, FileTime modified, long inode) {

    /** The state of a regular file (links followed), or null if there is none. */
    static @Nullable FileState of(Path path) throws IOException {
        try {
            Map<String, Object> attributes =
                    Files.readAttributes(path, "unix:size,lastModifiedTime,ino,isRegularFile");
            if (!Boolean.TRUE.equals(attributes.get("isRegularFile"))) {
                return null;
            }
            return new FileState(
                    (Long) Objects.requireNonNull(attributes.get("size")),
                    (FileTime) Objects.requireNonNull(attributes.get("lastModifiedTime")),
                    (Long) Objects.requireNonNull(attributes.get("ino")));
        } catch (NoSuchFileException absent) {
            return null;
        } catch (FileSystemException loop) {
            if (Files.isSymbolicLink(path)) {
                return null; // a link to itself, or through something that is no folder
            }
            throw loop;
        }
    }

    /** Differs whenever the file was written to or replaced. */
    String version() {
        return length + "-" + modified.to(TimeUnit.NANOSECONDS) + "-" + inode;
    }
}
