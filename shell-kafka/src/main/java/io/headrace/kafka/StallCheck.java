package io.headrace.kafka;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Looks now and then whether what is under way moves: a request that began to arrive, and a
 * response that began to leave. A peer that lets less than {@link #BYTES_MIN} pass between two
 * looks has stalled; so neither silence nor a byte now and then holds memory for ever.
 *
 * <p>Belongs to the connection's event loop.
 */
final class StallCheck {
    /** Half a KiB per second at the default interval: less than any network that is still used. */
    private static final int BYTES_MIN = 16 * 1024;

    private long receivedBytes;
    private long missingBytes;

    private boolean sending;
    private long sentResponseCount;
    private long sentBytesOfPart;

    /** Compared by identity only; kept no longer than until the next look. */
    private @Nullable Object partSent;

    /**
     * Whether less has arrived since the last look than was wanted then.
     *
     * @param received all that ever arrived
     * @param missing what the frame that has begun still lacks; 0 if none has
     */
    boolean isArrivingStalled(long received, int missing) {
        boolean stalled = received - receivedBytes < Math.min(missingBytes, BYTES_MIN);
        receivedBytes = received;
        missingBytes = missing;
        return stalled;
    }

    /**
     * Whether nothing, or next to nothing, has left since the last look although there was
     * something to send then.
     *
     * @param channel to look at
     * @param responseCount responses that have left altogether
     */
    boolean isLeavingStalled(Channel channel, long responseCount) {
        ChannelOutboundBuffer outbound = channel.unsafe().outboundBuffer();
        Object part = outbound == null ? null : outbound.current();
        long sentOfPart = outbound == null ? 0 : outbound.currentProgress();
        // Buffers are used again, so the part alone does not tell; within a response none is.
        boolean isSame = sending && part == partSent && responseCount == sentResponseCount;
        boolean stalled = part != null && isSame && sentOfPart - sentBytesOfPart < BYTES_MIN;
        sending = part != null;
        partSent = part;
        sentBytesOfPart = sentOfPart;
        sentResponseCount = responseCount;
        return stalled;
    }
}
