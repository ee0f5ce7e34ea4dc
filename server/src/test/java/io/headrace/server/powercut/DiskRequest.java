package io.headrace.server.powercut;

/**
 * What the guest's kernel asked of its disk: a write, or with length 0 a flush.
 *
 * @param diskOffset first byte on the disk
 * @param length in bytes
 * @param dataPosition where the bytes stand in the {@link WriteLog}
 */
record DiskRequest(long diskOffset, int length, long dataPosition, boolean flush) {
    /** Where the next request begins in the log. */
    long endPosition() {
        return dataPosition + length;
    }
}
