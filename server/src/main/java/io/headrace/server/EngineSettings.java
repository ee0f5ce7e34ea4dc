package io.headrace.server;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineContext.TopicPolicy;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.kafka.KafkaRecordFilter;
import io.headrace.objects.format.BundledReaders;
import io.headrace.rocks.RocksContext;
import io.headrace.rocks.RocksMetadataStore;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKey;
import io.headrace.server.config.ConfigKeys;
import io.headrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the server's configuration means to the engine. */
final class EngineSettings {
    private static final String POLICY_PREFIX = "prefix";
    private static final String POLICY_CONFIG = "config.";

    private EngineSettings() {}

    static EngineContext of(ServerConfig config, MemoryStore memory) {
        EngineContext context =
                new EngineContext()
                        .directory(folder(config))
                        .memoryStore(memory)
                        .datasetReaders(new BundledReaders())
                        .metadataStoreFactory(path -> openMetadata(path, config))
                        .topicDefaults(topicDefaults(config))
                        .topicPolicies(topicPolicies(config))
                        .journalCycleBytes(config.get(ConfigKeys.JOURNAL_CYCLE_BYTES))
                        .diskReserveBytes(config.get(ConfigKeys.DISK_RESERVE_BYTES))
                        .recordFilter(new KafkaRecordFilter())
                        .compactionMemoryBytes(compactionMemoryBytes(config, memory))
                        .sealingBytesPerSecond(config.get(ConfigKeys.SEALING_MAX_BYTES_PER_SECOND))
                        .memoryTopicBudgetBytes(config.get(ConfigKeys.MEMORY_TOPIC_BUDGET_BYTES))
                        .coldReaderCount(config.intOf(ConfigKeys.COLD_READERS))
                        .sourceThreadCount(config.intOf(ConfigKeys.SOURCE_THREADS))
                        .cacheMemoryBytes(config.get(ConfigKeys.CACHE_MEMORY_BYTES))
                        .cacheDiskBytes(config.get(ConfigKeys.CACHE_DISK_BYTES))
                        .cachePrefetchBytes(config.get(ConfigKeys.CACHE_PREFETCH_BYTES))
                        .retentionCheckIntervalMs(
                                config.get(ConfigKeys.LOG_RETENTION_CHECK_INTERVAL_MS))
                        .producerExpirationMs(config.get(ConfigKeys.PRODUCER_ID_EXPIRATION_MS));
        String cache = config.get(ConfigKeys.CACHE_DIRECTORY);
        if (!cache.isEmpty()) {
            context.cacheDirectory(Path.of(cache).toAbsolutePath().normalize());
        }
        int shards = config.intOf(ConfigKeys.JOURNAL_SHARDS);
        return shards == 0 ? context : context.journalCount(shards);
    }

    /** Of a small budget the default takes what may be taken. */
    private static long compactionMemoryBytes(ServerConfig config, MemoryStore memory) {
        ConfigKey<Long> key = ConfigKeys.LOG_CLEANER_DEDUPE_BUFFER_SIZE;
        long bytes = config.get(key);
        long bytesMax = EngineContext.compactionMemoryBytesMax(memory);
        if (config.isSet(key) && bytes > bytesMax) {
            throw new ConfigException(
                    "bad value: key="
                            + key.name()
                            + " value="
                            + bytes
                            + " allowed=at most a quarter of "
                            + ConfigKeys.MEMORY_BUDGET_BYTES.name()
                            + ", "
                            + bytesMax);
        }
        return Math.min(bytes, bytesMax);
    }

    /** The data folder. */
    static Path folder(ServerConfig config) {
        ConfigKey<String> key =
                config.isSet(ConfigKeys.LOG_DIRS) ? ConfigKeys.LOG_DIRS : ConfigKeys.LOG_DIR;
        String text = config.get(key);
        if (text.isEmpty() || text.contains(",")) {
            throw new ConfigException(
                    "bad value: key=" + key.name() + " value=" + text + " allowed=one folder");
        }
        return Path.of(text).toAbsolutePath().normalize();
    }

    private static MetadataStore openMetadata(Path folder, ServerConfig config) {
        long half = config.get(ConfigKeys.METADATA_CACHE_BYTES) / 2;
        return RocksMetadataStore.open(
                folder, new RocksContext().blockCacheBytes(half).writeBufferBytes(half));
    }

    private static TopicConfig topicDefaults(ServerConfig config) {
        return TopicConfig.DEFAULTS.with(
                Map.of(
                        "max.message.bytes", text(config.get(ConfigKeys.MESSAGE_MAX_BYTES)),
                        "flush.messages", text(config.get(ConfigKeys.LOG_FLUSH_INTERVAL_MESSAGES)),
                        "flush.ms", text(config.get(ConfigKeys.LOG_FLUSH_INTERVAL_MS)),
                        "headrace.spill.ms", text(config.get(ConfigKeys.SPILL_MS)),
                        "retention.ms", text(config.retentionMs()),
                        "retention.bytes", text(config.get(ConfigKeys.LOG_RETENTION_BYTES)),
                        "cleanup.policy", config.get(ConfigKeys.LOG_CLEANUP_POLICY),
                        "message.timestamp.type",
                                config.get(ConfigKeys.LOG_MESSAGE_TIMESTAMP_TYPE)));
    }

    private static String text(long value) {
        return Long.toString(value);
    }

    private static List<TopicPolicy> topicPolicies(ServerConfig config) {
        return config.named(ConfigKeys.POLICY_PREFIX).entrySet().stream()
                .map(policy -> topicPolicy(policy.getKey(), policy.getValue()))
                .toList();
    }

    private static TopicPolicy topicPolicy(String name, Map<String, String> settings) {
        String prefix = settings.get(POLICY_PREFIX);
        if (prefix == null) {
            throw new ConfigException(
                    "missing key: key=" + ConfigKeys.POLICY_PREFIX + name + "." + POLICY_PREFIX);
        }
        Map<String, String> configs = new HashMap<>();
        settings.forEach(
                (key, value) -> {
                    if (key.startsWith(POLICY_CONFIG)) {
                        configs.put(key.substring(POLICY_CONFIG.length()), value);
                    }
                });
        TopicConfig.DEFAULTS.with(configs); // a bad value stops the start, not the first creation
        return new TopicPolicy(prefix, Map.copyOf(configs));
    }
}
