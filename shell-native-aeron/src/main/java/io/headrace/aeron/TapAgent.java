package io.headrace.aeron;

import io.aeron.Aeron;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.concurrent.Agent;
import org.agrona.concurrent.NanoClock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The taps of all streams and the Aeron client they share, whose conductor is invoked here: so that
 * images come and go between two polls and what a gap lost is known exactly.
 */
final class TapAgent implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TapAgent.class);
    private static final int DRIVER_EVENTS_MAX = 1024;
    private static final long RECONNECT_INTERVAL_NS = 1_000_000_000L;

    private final String aeronDirectory;
    private final NanoClock clock;
    private final List<TopicTap> taps;
    private final AeronShellMetrics metrics;
    private @Nullable Aeron aeron;
    private long nextConnectNs;

    TapAgent(AeronShellContext context, AeronShellMetrics metrics) {
        this.aeronDirectory = context.aeronDirectory();
        this.clock = context.nanoClock();
        this.metrics = metrics;
        List<TopicTap> all = new ArrayList<>();
        for (AeronTopic topic : context.topics()) {
            all.add(new TopicTap(topic, context.engine(), context.epochClock(), metrics));
        }
        this.taps = List.copyOf(all);
    }

    /** Connects to the driver; throws what Aeron throws if there is none. */
    void connect() {
        Aeron client =
                Aeron.connect(
                        new Aeron.Context()
                                .aeronDirectoryName(aeronDirectory)
                                .useConductorAgentInvoker(true)
                                .errorHandler(e -> LOG.warn("aeron client: {}", e.toString())));
        metrics.onConnected();
        try {
            for (TopicTap tap : taps) {
                tap.connect(client);
            }
        } catch (RuntimeException e) {
            disconnect(client);
            throw e;
        }
        aeron = client;
    }

    @Override
    public int doWork() {
        Aeron client = aeron;
        if (client == null) {
            return reconnect();
        }
        if (client.isClosed()) {
            LOG.warn("lost the Aeron driver: aeronDirectory={}", aeronDirectory);
            aeron = null;
            disconnect(client);
            nextConnectNs = clock.nanoTime() + RECONNECT_INTERVAL_NS;
            return 1;
        }
        invokeConductor(client); // no reason to stay awake
        int workCount = 0;
        for (int i = 0; i < taps.size(); i++) {
            workCount += taps.get(i).poll();
        }
        return workCount;
    }

    /**
     * Hears all that the driver has said, one event a turn, before anything is polled: an image
     * that the driver has detached and attached again must not be read on as if nothing had been.
     */
    private static void invokeConductor(Aeron client) {
        int events = 1;
        for (int i = 0; i < DRIVER_EVENTS_MAX && events > 0; i++) {
            events = client.conductorAgentInvoker().invoke();
        }
    }

    private int reconnect() {
        if (clock.nanoTime() - nextConnectNs < 0) {
            return 0;
        }
        try {
            connect();
        } catch (RuntimeException e) {
            LOG.warn(
                    "no Aeron driver yet: aeronDirectory={} reason={}",
                    aeronDirectory,
                    e.toString());
            nextConnectNs = clock.nanoTime() + RECONNECT_INTERVAL_NS;
        }
        return 1;
    }

    private void disconnect(Aeron client) {
        taps.forEach(TopicTap::disconnect);
        CloseHelper.quietClose(client);
    }

    @Override
    public void onClose() {
        Aeron client = aeron;
        aeron = null;
        if (client != null) {
            disconnect(client);
        }
    }

    @Override
    public String roleName() {
        return "headrace-aeron-tap";
    }
}
