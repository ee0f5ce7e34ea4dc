package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import io.headrace.engine.spi.SampleScanner.Window;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One member of a tar file after the other: its header, with the extension headers before it. The
 * data of members is never asked for.
 */
final class TarMember {
    /** Longest path. */
    static final int NAME_LENGTH_MAX = 64 << 10;

    /** Most extension headers before a member: GNU's two long names and pax's two headers fit. */
    static final int EXTENSION_COUNT_MAX = 16;

    private final TarHeader header = new TarHeader();

    private long position;
    private long headerAt;
    private boolean isHeaderRead;
    private long dataPosition;
    private long size;
    private byte type;
    private boolean isArchiveEnd;
    private String path = "";

    // what extension headers said of the member that follows them
    private int extensionCount;
    private @Nullable String extendedPath;
    private long extendedSize;

    /** Turns to the member whose first header, of an extension or its own, stands there. */
    void begin(long at) {
        position = at;
        headerAt = at;
        isHeaderRead = false;
        isArchiveEnd = false;
        extensionCount = 0;
        extendedPath = null;
        extendedSize = -1;
    }

    /**
     * Reads it as far as bytes are there.
     *
     * @return false if some are missing: then nothing can be asked but to read on
     */
    boolean read(Window window) throws MalformedObjectException {
        while (isHeaderRead || readHeader(window)) {
            if (isArchiveEnd) {
                return true;
            }
            if (!isExtension()) {
                finish();
                return true;
            }
            if (!readExtension(window)) {
                return false;
            }
            stepBehindExtension();
        }
        return false;
    }

    private boolean readHeader(Window window) throws MalformedObjectException {
        ByteBuffer bytes = Reading.at(window, headerAt, TarHeader.LENGTH);
        if (bytes == null) {
            return false;
        }
        header.wrap(bytes, headerAt);
        isArchiveEnd = header.isZero();
        if (!isArchiveEnd) {
            header.verify();
            type = header.type();
            size = header.size();
            dataPosition = headerAt + TarHeader.LENGTH;
            requireSize();
        }
        isHeaderRead = true;
        return true;
    }

    /** So that positions behind it can be computed. */
    private void requireSize() throws MalformedObjectException {
        if (size > Long.MAX_VALUE - dataPosition - TarHeader.LENGTH) {
            throw new MalformedObjectException(position, "impossible size of a tar member");
        }
    }

    private void stepBehindExtension() throws MalformedObjectException {
        if (++extensionCount > EXTENSION_COUNT_MAX) {
            throw new MalformedObjectException(
                    position, "too many extension headers before a tar member");
        }
        headerAt = end();
        isHeaderRead = false;
    }

    private boolean isExtension() {
        return type == TarHeader.PAX
                || type == TarHeader.GLOBAL_PAX
                || type == TarHeader.GNU_LONG_NAME
                || type == TarHeader.GNU_LONG_LINK;
    }

    private boolean readExtension(Window window) throws MalformedObjectException {
        Reading.requireWithin(window, dataPosition, size);
        if (type == TarHeader.GNU_LONG_LINK) {
            return true; // links are skipped
        }
        int lengthMax = type == TarHeader.GNU_LONG_NAME ? NAME_LENGTH_MAX : PaxRecords.LENGTH_MAX;
        if (size > lengthMax) {
            throw new MalformedObjectException(headerAt, "extension header of a tar is too long");
        }
        ByteBuffer content = Reading.at(window, dataPosition, (int) size);
        if (content == null) {
            return false;
        }
        if (type == TarHeader.GNU_LONG_NAME) {
            extendedPath = Utf8.untilZero(content, content.position(), (int) size, headerAt);
        } else {
            extend(PaxRecords.read(content, headerAt));
        }
        return true;
    }

    private void extend(PaxRecords records) throws MalformedObjectException {
        if (records.isSparse()) {
            throw new MalformedObjectException(headerAt, "sparse tar members are not supported");
        }
        if (type == TarHeader.GLOBAL_PAX) {
            if (!records.isEmpty()) {
                throw new MalformedObjectException(
                        headerAt, "a global pax header with a path or size is not supported");
            }
            return;
        }
        String said = records.path();
        if (said != null) {
            extendedPath = said.isEmpty() ? null : said;
        }
        if (records.size() >= 0) {
            extendedSize = records.size();
        }
    }

    private void finish() throws MalformedObjectException {
        if (type == TarHeader.GNU_SPARSE) {
            throw new MalformedObjectException(position, "sparse tar members are not supported");
        }
        if (type == TarHeader.GNU_CONTINUATION) {
            throw new MalformedObjectException(
                    position, "members of multi-volume tars are not supported");
        }
        if (extendedSize >= 0) {
            size = extendedSize;
        }
        if (type >= TarHeader.HARD_LINK && type <= TarHeader.FIFO) {
            size = 0; // of links, devices and directories the size counts no data
        }
        requireSize();
        path = isFile() ? readPath() : "";
    }

    private String readPath() throws MalformedObjectException {
        String read = extendedPath != null ? extendedPath : header.path();
        if (read.length() > NAME_LENGTH_MAX) {
            throw new MalformedObjectException(position, "path of a tar member is too long");
        }
        return read;
    }

    /** Checks that its data lies within the object, as far as that is known. */
    void requireData(Window window) throws MalformedObjectException {
        if (window.length() >= 0 && end() > window.length()) {
            throw new MalformedObjectException(position, "truncated tar member");
        }
    }

    /** Whether the archive ends here instead. */
    boolean isArchiveEnd() {
        return isArchiveEnd;
    }

    /** Whether it is a regular file. */
    boolean isFile() {
        return type == TarHeader.FILE
                || type == TarHeader.OLD_FILE
                || type == TarHeader.CONTIGUOUS_FILE;
    }

    /** Where its first header begins. */
    long position() {
        return position;
    }

    /** Where its data begins. */
    long dataPosition() {
        return dataPosition;
    }

    /** Bytes of its data. */
    long size() {
        return size;
    }

    /** End of its data with what fills the last block: where the next header stands. */
    long end() {
        return dataPosition + (size + TarHeader.LENGTH - 1) / TarHeader.LENGTH * TarHeader.LENGTH;
    }

    /** Path of a file; empty for anything else. */
    String path() {
        return path;
    }
}
