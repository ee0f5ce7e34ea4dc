package io.headrace.server.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Makes the disk that a power cut leaves, from the disk before and the log of what was asked of it.
 *
 * <p>A disk with a volatile write cache promises that a completed flush makes all writes before it
 * stable, and nothing else. So every write before the last flush is kept. Each later one is kept,
 * lost, or kept in some of its sectors, by the toss of a seeded coin. Where two of them meet, any
 * of the old and the two new bytes can come out, which is all that writing back in any order can
 * do.
 */
final class DiskAfterCut {
    /** ext4's superblock: two sectors, which it takes to be written at once. */
    private static final int WHOLE_BELOW = 4096;

    private static final double[] SHARES_KEPT = {0, 0.5, 1};

    /** The first bytes of a sealed segment: docs/design/formats.md. */
    private static final ByteBuffer SEGMENT =
            ByteBuffer.wrap("HRSEGM01".getBytes(StandardCharsets.US_ASCII));

    private final WriteLog log;
    private final FileChannel disk;
    private final Random coin;
    private int sectorsLost;

    /** Where a segment begins on the disk. */
    private final Set<Long> segments = new HashSet<>();

    /**
     * What came of it.
     *
     * @param requests that were recorded
     * @param cutAfter so many of them
     * @param unflushed writes between the last flush and the cut
     * @param sectorsLost of these
     * @param segments sealed segments that were begun
     */
    record Summary(int requests, int cutAfter, int unflushed, int sectorsLost, int segments) {}

    private DiskAfterCut(WriteLog log, FileChannel disk, Random coin) {
        this.log = log;
        this.disk = disk;
        this.coin = coin;
    }

    /**
     * Brings the disk from before the run to after the cut. The cut is where the log ends, or
     * before that, so that writes are lost; but not before what the log had when somebody was told
     * something that has to stay.
     *
     * @param log of which nothing has been read
     * @param toldPosition length of the log when somebody was last told something
     */
    static Summary make(WriteLog log, FileChannel disk, Random coin, long toldPosition)
            throws IOException {
        log.requireSound();
        List<DiskRequest> requests = new ArrayList<>();
        for (DiskRequest next = log.next(); next != null; next = log.next()) {
            requests.add(next);
        }
        return new DiskAfterCut(log, disk, coin).cut(requests, toldPosition);
    }

    private Summary cut(List<DiskRequest> requests, long toldPosition) throws IOException {
        int cutAfter = chooseCut(requests, toldPosition);
        int stable = flushedBefore(requests, cutAfter);
        for (int i = 0; i < cutAfter; i++) {
            write(requests.get(i), i < stable ? 1 : SHARES_KEPT[coin.nextInt(SHARES_KEPT.length)]);
        }
        return new Summary(
                requests.size(), cutAfter, cutAfter - stable, sectorsLost, segments.size());
    }

    private int chooseCut(List<DiskRequest> requests, long toldPosition) {
        List<Integer> choices = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            if (requests.get(i).endPosition() >= toldPosition && !requests.get(i).flush()) {
                choices.add(i + 1);
            }
        }
        return choices.isEmpty() ? requests.size() : choices.get(coin.nextInt(choices.size()));
    }

    /** How many of the requests before the cut a flush has made stable. */
    private static int flushedBefore(List<DiskRequest> requests, int cutAfter) {
        int stable = cutAfter;
        while (stable > 0 && !requests.get(stable - 1).flush()) {
            stable--;
        }
        return stable;
    }

    private void write(DiskRequest request, double shareKept) throws IOException {
        ByteBuffer data = log.data(request);
        int step = request.diskOffset() < WHOLE_BELOW ? request.length() : WriteLog.SECTOR_BYTES;
        for (int at = 0; at < request.length(); at += step) {
            if (data.slice(at, SEGMENT.capacity()).equals(SEGMENT)) {
                segments.add(request.diskOffset() + at);
            }
            if (coin.nextDouble() < shareKept) {
                disk.write(data.slice(at, step), request.diskOffset() + at);
            } else {
                sectorsLost += step / WriteLog.SECTOR_BYTES;
            }
        }
    }
}
