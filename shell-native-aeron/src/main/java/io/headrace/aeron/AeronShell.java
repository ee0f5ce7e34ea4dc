package io.headrace.aeron;

import io.aeron.driver.MediaDriver;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicSpec;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentInvoker;
import org.agrona.concurrent.AgentRunner;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Topics over Aeron. Publishers write to an Aeron publication and subscribers read from it, with no
 * broker between them; an untethered tap beside the subscribers copies each message into the
 * stream's topic, where any client of any shell reads it as a record. What a tap cannot keep up
 * with is lost to the topic, not to the subscribers, and counted.
 *
 * <p>Aeron lets go of a lagging tap only while another subscriber is ahead of it: a stream that has
 * no other subscriber waits for its tap.
 *
 * <p>One thread, or the caller's if so configured. The caller who launched it closes it, before the
 * engine.
 */
@Experimental
public final class AeronShell implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AeronShell.class);
    private static final long CREATE_TIMEOUT_S = 30;

    private final AeronShellMetrics metrics = new AeronShellMetrics();
    private final @Nullable MediaDriver driver;
    private final @Nullable AgentRunner runner;
    private final @Nullable AgentInvoker invoker;

    private AeronShell(AeronShellContext context) {
        driver = context.driverEmbedded() ? launchDriver(context) : null;
        try {
            TapAgent agent = new TapAgent(context, metrics);
            agent.connect();
            invoker = context.invoked() ? new AgentInvoker(AeronShell::onError, null, agent) : null;
            runner = context.invoked() ? null : runner(context, agent);
        } catch (RuntimeException e) {
            CloseHelper.quietClose(driver);
            throw new EngineException(
                    "cannot start the Aeron shell: aeronDirectory=" + context.aeronDirectory(), e);
        }
        start();
    }

    /**
     * Starts the taps, and the driver if so configured. A topic that is not there is created, in
     * memory mode, with one partition or as many as the streams name.
     *
     * @param context is concluded here
     * @throws InvalidConfigException naming what cannot be: a bad value, a topic that takes no
     *     records, or a partition that it does not have
     * @throws EngineException if no driver answers
     */
    public static AeronShell launch(AeronShellContext context) {
        context.conclude();
        for (AeronTopic stream : context.topics()) {
            checkTopic(context.engine(), stream, context.topics());
        }
        return new AeronShell(context);
    }

    private static void checkTopic(Engine engine, AeronTopic stream, List<AeronTopic> all) {
        Topic topic = engine.catalog().find(stream.topic());
        if (topic == null) {
            topic = create(engine, stream.topic(), all);
        }
        if (stream.partition() >= topic.partitionCount()) {
            throw new InvalidConfigException(
                    AeronTopic.CONFIG,
                    stream.toString(),
                    "a partition below " + topic.partitionCount());
        }
        if (topic.storageMode() == StorageMode.SOURCE) {
            throw new InvalidConfigException(
                    AeronTopic.CONFIG, stream.toString(), "a topic that takes records");
        }
    }

    private static Topic create(Engine engine, String name, List<AeronTopic> all) {
        int partitionCount = 1;
        for (AeronTopic stream : all) {
            if (stream.topic().equals(name)) {
                partitionCount = Math.max(partitionCount, stream.partition() + 1);
            }
        }
        Map<String, String> configs = Map.of(StorageMode.CONFIG, StorageMode.MEMORY.configValue());
        CatalogResult result = create(engine, new TopicSpec(name, partitionCount, configs));
        Topic topic = result.error() == Error.EXISTS ? engine.catalog().find(name) : result.topic();
        if (topic == null) {
            throw new InvalidConfigException(AeronTopic.CONFIG, name, result.message());
        }
        return topic;
    }

    private static CatalogResult create(Engine engine, TopicSpec spec) {
        try {
            return engine.catalog()
                    .create(List.of(spec), false)
                    .get(CREATE_TIMEOUT_S, TimeUnit.SECONDS)
                    .get(0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException("interrupted while creating a topic: name=" + spec.name(), e);
        } catch (ExecutionException | TimeoutException e) {
            throw new EngineException("cannot create a topic: name=" + spec.name(), e);
        }
    }

    private static MediaDriver launchDriver(AeronShellContext context) {
        int coreCount = Runtime.getRuntime().availableProcessors();
        return MediaDriver.launch(
                Cores.driver(context.aeronDirectory(), coreCount, context.tapLagMaxMs())
                        .errorHandler(AeronShell::onError));
    }

    private static AgentRunner runner(AeronShellContext context, TapAgent agent) {
        return new AgentRunner(context.idleStrategy(), AeronShell::onError, null, agent);
    }

    private void start() {
        if (runner != null) {
            AgentRunner.startOnThread(runner);
        }
        if (invoker != null) {
            invoker.start();
        }
    }

    private static void onError(Throwable error) {
        LOG.error("aeron shell", error);
    }

    /**
     * One turn of the taps, on the caller's thread; only if {@link AeronShellContext#invoked}.
     *
     * @return how much was done
     */
    public int invoke() {
        if (invoker == null) {
            throw new IllegalStateException("the taps have a thread of their own");
        }
        return invoker.invoke();
    }

    /** Counters and gauges. */
    public AeronShellMetrics metrics() {
        return metrics;
    }

    /** Ends the taps and the driver. What was published and not yet copied is not waited for. */
    @Override
    public void close() {
        CloseHelper.quietCloseAll(runner, invoker, driver);
    }
}
