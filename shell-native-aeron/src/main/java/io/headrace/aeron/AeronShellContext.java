package io.headrace.aeron;

import io.aeron.CommonContext;
import io.headrace.engine.Engine;
import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.agrona.concurrent.EpochClock;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.SystemEpochClock;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/** What an {@link AeronShell} is made of. Set, then {@link #conclude}d once by it. */
@Experimental
public final class AeronShellContext {
    /** A tap costs a batch buffer, and a poll in every turn of one thread. */
    private static final int TOPICS_MAX = 1024;

    private @Nullable Engine engine;
    private String aeronDirectory = CommonContext.getAeronDirectoryName();
    private List<AeronTopic> topics = List.of();
    private boolean isDriverEmbedded;
    private boolean isInvoked;
    private long tapLagMaxMs = 20;
    private @Nullable IdleStrategy idleStrategy;
    private EpochClock epochClock = SystemEpochClock.INSTANCE;
    private NanoClock nanoClock = SystemNanoClock.INSTANCE;

    /**
     * The engine whose topics are filled. The caller owns it, and closes it after the shell.
     *
     * @return this
     */
    public AeronShellContext engine(Engine value) {
        this.engine = value;
        return this;
    }

    /** The engine whose topics are filled. */
    public Engine engine() {
        return Objects.requireNonNull(engine, "engine");
    }

    /**
     * Folder of the media driver, by default Aeron's own.
     *
     * @return this
     */
    public AeronShellContext aeronDirectory(String directory) {
        this.aeronDirectory = directory;
        return this;
    }

    /** Folder of the media driver. */
    public String aeronDirectory() {
        return aeronDirectory;
    }

    /**
     * The streams and the topics that they fill.
     *
     * @return this
     * @see AeronTopic#parse
     */
    public AeronShellContext topics(List<AeronTopic> value) {
        this.topics = List.copyOf(value);
        return this;
    }

    /** The streams and the topics that they fill. */
    public List<AeronTopic> topics() {
        return topics;
    }

    /**
     * Whether a media driver runs in this process; else one has to run already. An external driver
     * should have short untethered timeouts (by default they are 5 s), because publishers can be
     * held up by a lagging tap for so long.
     *
     * @return this
     */
    public AeronShellContext driverEmbedded(boolean value) {
        this.isDriverEmbedded = value;
        return this;
    }

    /** Whether a media driver runs in this process. */
    public boolean driverEmbedded() {
        return isDriverEmbedded;
    }

    /**
     * How long the embedded driver lets a tap stay more than three quarters of the flow-control
     * window behind, in milliseconds; 2 to 10,000. So long can publishers be held up by a tap that
     * stands still, and then not again for 20 times as long. A shorter time loses more when the
     * machine is busy.
     *
     * @return this
     */
    public AeronShellContext tapLagMaxMs(long ms) {
        this.tapLagMaxMs = ms;
        return this;
    }

    /** How long the embedded driver lets a tap lag, in milliseconds. */
    public long tapLagMaxMs() {
        return tapLagMaxMs;
    }

    /**
     * Whether the caller drives the taps with {@link AeronShell#invoke} instead of a thread of the
     * shell's.
     *
     * @return this
     */
    public AeronShellContext invoked(boolean value) {
        this.isInvoked = value;
        return this;
    }

    /** Whether the caller drives the taps. */
    public boolean invoked() {
        return isInvoked;
    }

    /**
     * What the taps' thread does when there is little to do; by default it parks, up to 500 µs, and
     * so records are in their topic by so much later than at their subscribers.
     *
     * @return this
     */
    public AeronShellContext idleStrategy(IdleStrategy value) {
        this.idleStrategy = value;
        return this;
    }

    /** What the taps' thread does when there is nothing to do. */
    public IdleStrategy idleStrategy() {
        IdleStrategy strategy = idleStrategy;
        return strategy != null ? strategy : Cores.tapIdleStrategy();
    }

    /**
     * Gives records their timestamps.
     *
     * @return this
     */
    public AeronShellContext epochClock(EpochClock clock) {
        this.epochClock = clock;
        return this;
    }

    /** Gives records their timestamps. */
    public EpochClock epochClock() {
        return epochClock;
    }

    /**
     * Paces the attempts to reach a driver that went away.
     *
     * @return this
     */
    public AeronShellContext nanoClock(NanoClock clock) {
        this.nanoClock = clock;
        return this;
    }

    /** Paces the attempts to reach a driver that went away. */
    public NanoClock nanoClock() {
        return nanoClock;
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public AeronShellContext conclude() {
        engine();
        check("headrace.aeron.directory", aeronDirectory, !aeronDirectory.isBlank(), "a folder");
        boolean isLagAllowed = tapLagMaxMs >= 2 && tapLagMaxMs <= 10_000;
        check("tapLagMaxMs", "" + tapLagMaxMs, isLagAllowed, "2 to 10000");
        String count = topics.size() + " streams";
        check(AeronTopic.CONFIG, count, topics.size() <= TOPICS_MAX, "at most " + TOPICS_MAX);
        Set<String> streams = new HashSet<>();
        for (AeronTopic topic : topics) {
            boolean isNew = streams.add(topic.channel() + "@" + topic.streamId());
            check(AeronTopic.CONFIG, topic.toString(), isNew, "each stream once");
            check(AeronTopic.CONFIG, topic.toString(), topic.partition() >= 0, "a partition");
        }
        return this;
    }

    private static void check(String key, String value, boolean isAllowed, String allowed) {
        if (!isAllowed) {
            throw new InvalidConfigException(key, value, allowed);
        }
    }
}
