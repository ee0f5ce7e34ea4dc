package io.headrace.server.config;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Every key the server knows. docs/configuration.md is checked against this table by a test, which
 * also writes it anew.
 */
public final class ConfigKeys {
    private static final long MIB = 1 << 20;
    private static final long HOUR_MS = 3600 * 1000L;

    /** {@code listeners}. */
    public static final ConfigKey<List<Endpoint>> LISTENERS =
            ConfigKey.parsed(
                    "listeners",
                    "PLAINTEXT://127.0.0.1:9092",
                    "PLAINTEXT://HOST:PORT, several separated by commas",
                    Endpoint::listOf,
                    "Where the Kafka protocol is served. An empty host means every interface.");

    /** {@code advertised.listeners}. */
    public static final ConfigKey<List<Endpoint>> ADVERTISED_LISTENERS =
            ConfigKey.parsed(
                    "advertised.listeners",
                    "",
                    "PLAINTEXT://HOST:PORT, as many as listeners",
                    Endpoint::listOf,
                    "What clients are told to connect to; the listeners themselves if empty.");

    /** {@code log.dirs}. */
    public static final ConfigKey<String> LOG_DIRS =
            ConfigKey.text(
                    "log.dirs",
                    "data",
                    "The data folder: one, created if absent. A relative path begins at the"
                            + " working directory.");

    /** {@code log.dir}. */
    public static final ConfigKey<String> LOG_DIR =
            ConfigKey.text("log.dir", "data", "As log.dirs, which goes before it.");

    /** {@code node.id}. */
    public static final ConfigKey<Long> NODE_ID =
            ConfigKey.number(
                    "node.id", 1, 0, Integer.MAX_VALUE, "The broker id that clients are told.");

    /** {@code num.network.threads}. */
    public static final ConfigKey<Long> NUM_NETWORK_THREADS =
            ConfigKey.number(
                    "num.network.threads",
                    0,
                    0,
                    256,
                    "Event loops of the Kafka listener; 0 takes one per two cores, at most 16.");

    /** {@code num.partitions}. */
    public static final ConfigKey<Long> NUM_PARTITIONS =
            ConfigKey.number(
                    "num.partitions",
                    1,
                    1,
                    100_000,
                    "Partitions of a topic whose creator does not say.");

    /** {@code auto.create.topics.enable}. */
    public static final ConfigKey<Boolean> AUTO_CREATE_TOPICS =
            ConfigKey.flag(
                    "auto.create.topics.enable",
                    true,
                    "Whether a topic is created when a client first asks for it.");

    /** {@code message.max.bytes}. */
    public static final ConfigKey<Long> MESSAGE_MAX_BYTES =
            ConfigKey.number(
                    "message.max.bytes",
                    1_048_588,
                    0,
                    512 * MIB,
                    "Largest record batch accepted; topic config max.message.bytes.");

    /** {@code socket.request.max.bytes}. */
    public static final ConfigKey<Long> SOCKET_REQUEST_MAX_BYTES =
            ConfigKey.number(
                    "socket.request.max.bytes",
                    100 * MIB,
                    1024,
                    1024 * MIB,
                    "Largest request; a longer one closes the connection.");

    /** {@code queued.max.request.bytes}. */
    public static final ConfigKey<Long> QUEUED_MAX_REQUEST_BYTES =
            ConfigKey.number(
                    "queued.max.request.bytes",
                    256 * MIB,
                    MIB,
                    Long.MAX_VALUE,
                    "Bytes of requests in work beyond which the server begins to read no further"
                            + " one. As many again may be held by requests that wait for records"
                            + " or for a rebalance.");

    /** {@code max.connections}. */
    public static final ConfigKey<Long> MAX_CONNECTIONS =
            ConfigKey.number(
                    "max.connections",
                    10_000,
                    1,
                    Integer.MAX_VALUE,
                    "Connections at a time; further ones are closed.");

    /** {@code max.connections.per.ip}. */
    public static final ConfigKey<Long> MAX_CONNECTIONS_PER_IP =
            ConfigKey.number(
                    "max.connections.per.ip",
                    Integer.MAX_VALUE,
                    1,
                    Integer.MAX_VALUE,
                    "Connections at a time from one address; further ones are closed.");

    /** {@code connections.max.idle.ms}. */
    public static final ConfigKey<Long> CONNECTIONS_MAX_IDLE_MS =
            ConfigKey.number(
                    "connections.max.idle.ms",
                    600_000,
                    1,
                    Long.MAX_VALUE,
                    "A connection without a request for so long is closed.");

    /** {@code log.flush.interval.messages}. */
    public static final ConfigKey<Long> LOG_FLUSH_INTERVAL_MESSAGES =
            ConfigKey.number(
                    "log.flush.interval.messages",
                    1,
                    1,
                    Long.MAX_VALUE,
                    "Topic config flush.messages. 1: an acks=all answer follows the sync."
                        + " 9223372036854775807 leaves it to the server, which syncs after a second"
                        + " or 64 MiB.");

    /** {@code log.flush.interval.ms}. */
    public static final ConfigKey<Long> LOG_FLUSH_INTERVAL_MS =
            ConfigKey.number(
                    "log.flush.interval.ms",
                    Long.MAX_VALUE,
                    0,
                    Long.MAX_VALUE,
                    "Topic config flush.ms: longest time that an appended record stays unsynced.");

    /** {@code log.retention.ms}. */
    public static final ConfigKey<Long> LOG_RETENTION_MS =
            ConfigKey.number(
                    "log.retention.ms",
                    168 * HOUR_MS,
                    -1,
                    Long.MAX_VALUE,
                    "Topic config retention.ms; -1 keeps for ever. Goes before the two keys"
                            + " below.");

    /** {@code log.retention.minutes}. */
    public static final ConfigKey<Long> LOG_RETENTION_MINUTES =
            ConfigKey.number(
                    "log.retention.minutes",
                    168 * 60,
                    -1,
                    Integer.MAX_VALUE,
                    "As log.retention.ms, in minutes. Goes before the key below.");

    /** {@code log.retention.hours}. */
    public static final ConfigKey<Long> LOG_RETENTION_HOURS =
            ConfigKey.number(
                    "log.retention.hours",
                    168,
                    -1,
                    Integer.MAX_VALUE,
                    "As log.retention.ms, in hours.");

    /** {@code log.retention.bytes}. */
    public static final ConfigKey<Long> LOG_RETENTION_BYTES =
            ConfigKey.number(
                    "log.retention.bytes",
                    -1,
                    -1,
                    Long.MAX_VALUE,
                    "Topic config retention.bytes, per partition; -1 is without limit.");

    /** {@code log.retention.check.interval.ms}. */
    public static final ConfigKey<Long> LOG_RETENTION_CHECK_INTERVAL_MS =
            ConfigKey.number(
                    "log.retention.check.interval.ms",
                    300_000,
                    1,
                    Long.MAX_VALUE,
                    "Time between two passes of retention.");

    /** {@code log.cleanup.policy}. */
    public static final ConfigKey<String> LOG_CLEANUP_POLICY =
            ConfigKey.oneOf(
                    "log.cleanup.policy",
                    "delete",
                    List.of("delete", "compact", "compact,delete", "delete,compact"),
                    "Topic config cleanup.policy.");

    /** {@code log.cleaner.dedupe.buffer.size}. */
    public static final ConfigKey<Long> LOG_CLEANER_DEDUPE_BUFFER_SIZE =
            ConfigKey.number(
                    "log.cleaner.dedupe.buffer.size",
                    16 * MIB,
                    MIB,
                    1024 * MIB,
                    "Off-heap memory in which a compaction notes keys, 32 bytes each; at most a"
                            + " quarter of headrace.memory.budget.bytes, which the default keeps to"
                            + " by itself. Taken as it is needed; more keys, and memory that is"
                            + " short, take more passes.");

    /** {@code log.message.timestamp.type}. */
    public static final ConfigKey<String> LOG_MESSAGE_TIMESTAMP_TYPE =
            ConfigKey.oneOf(
                    "log.message.timestamp.type",
                    "CreateTime",
                    List.of("CreateTime", "LogAppendTime"),
                    "Topic config message.timestamp.type.");

    /** {@code producer.id.expiration.ms}. */
    public static final ConfigKey<Long> PRODUCER_ID_EXPIRATION_MS =
            ConfigKey.number(
                    "producer.id.expiration.ms",
                    24 * HOUR_MS,
                    1,
                    Long.MAX_VALUE,
                    "How long an idempotent producer is remembered after its last batch.");

    /** {@code offsets.topic.num.partitions}. */
    public static final ConfigKey<Long> OFFSETS_TOPIC_NUM_PARTITIONS =
            ConfigKey.number(
                    "offsets.topic.num.partitions",
                    16,
                    1,
                    1000,
                    "Partitions of __consumer_offsets; counts when the topic is first made.");

    /** {@code offsets.retention.minutes}. */
    public static final ConfigKey<Long> OFFSETS_RETENTION_MINUTES =
            ConfigKey.number(
                    "offsets.retention.minutes",
                    10_080,
                    1,
                    Integer.MAX_VALUE,
                    "How long the offsets of an empty group are kept.");

    /** {@code group.initial.rebalance.delay.ms}. */
    public static final ConfigKey<Long> GROUP_INITIAL_REBALANCE_DELAY_MS =
            ConfigKey.number(
                    "group.initial.rebalance.delay.ms",
                    100,
                    0,
                    60_000,
                    "How long an empty classic group waits for more members before it begins.");

    /** {@code group.min.session.timeout.ms}. */
    public static final ConfigKey<Long> GROUP_MIN_SESSION_TIMEOUT_MS =
            ConfigKey.number(
                    "group.min.session.timeout.ms",
                    1_000,
                    1,
                    Integer.MAX_VALUE,
                    "Shortest session timeout of a classic group's member.");

    /** {@code group.max.session.timeout.ms}. */
    public static final ConfigKey<Long> GROUP_MAX_SESSION_TIMEOUT_MS =
            ConfigKey.number(
                    "group.max.session.timeout.ms",
                    1_800_000,
                    1,
                    Integer.MAX_VALUE,
                    "Longest session timeout of a classic group's member.");

    /** {@code group.max.size}. */
    public static final ConfigKey<Long> GROUP_MAX_SIZE =
            ConfigKey.number(
                    "group.max.size",
                    Integer.MAX_VALUE,
                    1,
                    Integer.MAX_VALUE,
                    "Most members of one classic group.");

    /** {@code group.consumer.session.timeout.ms}. */
    public static final ConfigKey<Long> GROUP_CONSUMER_SESSION_TIMEOUT_MS =
            ConfigKey.number(
                    "group.consumer.session.timeout.ms",
                    10_000,
                    1_000,
                    Integer.MAX_VALUE,
                    "Session timeout of members with group.protocol=consumer. Shorter than Kafka's"
                            + " 45000, so that a lost member is replaced sooner.");

    /** {@code group.consumer.heartbeat.interval.ms}. */
    public static final ConfigKey<Long> GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS =
            ConfigKey.number(
                    "group.consumer.heartbeat.interval.ms",
                    500,
                    100,
                    Integer.MAX_VALUE,
                    "Heartbeat interval of members with group.protocol=consumer. Shorter than"
                            + " Kafka's 5000, so that a join takes less.");

    /** {@code headrace.group.heartbeat.hold.ms}. */
    public static final ConfigKey<Long> GROUP_HEARTBEAT_HOLD_MS =
            ConfigKey.number(
                    "headrace.group.heartbeat.hold.ms",
                    2_500,
                    0,
                    10_000,
                    "How long a heartbeat of a Java client or librdkafka waits for something to"
                        + " say, so that members learn of a rebalance at once; twice as long for a"
                        + " Java client's classic consumer, whose next one comes before; a quarter"
                        + " of a classic member's session at most. 0 answers at once, as Kafka"
                        + " does.");

    /** {@code headrace.group.lost.member.ms}. */
    public static final ConfigKey<Long> GROUP_LOST_MEMBER_MS =
            ConfigKey.number(
                    "headrace.group.lost.member.ms",
                    1_500,
                    0,
                    Integer.MAX_VALUE,
                    "How long a group waits for a member whose connection has closed, before its"
                        + " partitions move: for a Java client that waited for an answer to look"
                        + " for its coordinator; for all else beyond the time between two of its"
                        + " heartbeats. 0 waits for the end of its session, as Kafka does. Longer"
                        + " where clients come through a proxy that may be away for a while, or"
                        + " have a retry.backoff.ms above 200.");

    /** {@code headrace.admin.listener}. */
    public static final ConfigKey<String> ADMIN_LISTENER =
            ConfigKey.parsed(
                    "headrace.admin.listener",
                    "127.0.0.1:9644",
                    "HOST:PORT, or empty for none",
                    ConfigKeys::endpointOrEmpty,
                    "Where /metrics, /healthz, /readyz, /sources, /datasets, /backups, /views and"
                            + " /bookmarks are served. There is no authentication.");

    /** {@code headrace.admin.hosts}. */
    public static final ConfigKey<List<String>> ADMIN_HOSTS =
            ConfigKey.parsed(
                    "headrace.admin.hosts",
                    "",
                    "host names, separated by commas",
                    ConfigKeys::listOf,
                    "Names by which these may be addressed, besides localhost and IP addresses."
                            + " Others are refused, so that no web page gets there by a name of its"
                            + " own.");

    /** {@code headrace.kafka.stall.timeout.ms}. */
    public static final ConfigKey<Long> KAFKA_STALL_TIMEOUT_MS =
            ConfigKey.number(
                    "headrace.kafka.stall.timeout.ms",
                    30_000,
                    1,
                    Integer.MAX_VALUE,
                    "A client that lets less than 16 KiB pass for so long, of a request that has"
                            + " begun or of a response that waits for it, is disconnected.");

    /** {@code headrace.kafka.fetch.wait.max.ms}. */
    public static final ConfigKey<Long> KAFKA_FETCH_WAIT_MAX_MS =
            ConfigKey.number(
                    "headrace.kafka.fetch.wait.max.ms",
                    300_000,
                    0,
                    Integer.MAX_VALUE,
                    "Longest time that a fetch waits for records, whatever the client's"
                            + " fetch.max.wait.ms allows.");

    /** {@code headrace.journal.shards}. */
    public static final ConfigKey<Long> JOURNAL_SHARDS =
            ConfigKey.number(
                    "headrace.journal.shards",
                    0,
                    0,
                    16,
                    "Data journals, each with a lock, a syncer and files of its own; 0 takes one"
                            + " per two cores, at most 4.");

    /** {@code headrace.journal.cycle.bytes}. */
    public static final ConfigKey<Long> JOURNAL_CYCLE_BYTES =
            ConfigKey.number(
                    "headrace.journal.cycle.bytes",
                    128 * MIB,
                    MIB,
                    1024 * MIB,
                    "Length of a journal file before the next is begun; it takes 64 KiB more than"
                            + " that on disk.");

    /** {@code headrace.disk.reserve.bytes}. */
    public static final ConfigKey<Long> DISK_RESERVE_BYTES =
            ConfigKey.number(
                    "headrace.disk.reserve.bytes",
                    256 * MIB,
                    0,
                    Long.MAX_VALUE,
                    "Free bytes of the disk that are kept for what brings space back. Produce is"
                        + " refused when a journal file is full and less is free than these, the"
                        + " next checkpoint and two journal files, and what half of these is"
                        + " shorter than one.");

    /** {@code headrace.sealing.max.bytes.per.second}. */
    public static final ConfigKey<Long> SEALING_MAX_BYTES_PER_SECOND =
            ConfigKey.number(
                    "headrace.sealing.max.bytes.per.second",
                    64 * MIB,
                    MIB,
                    Long.MAX_VALUE,
                    "Most bytes that are read and written, taken together, in a second to move"
                            + " records out of files that are mostly dead; more if the disk is"
                            + " short of space.");

    /** {@code headrace.memory.budget.bytes}. */
    public static final ConfigKey<Long> MEMORY_BUDGET_BYTES =
            ConfigKey.number(
                    "headrace.memory.budget.bytes",
                    512 * MIB,
                    MIB,
                    Long.MAX_VALUE,
                    "Off-heap memory for memory topics and for blocks read from disk or from an"
                            + " object store. Taken as it is needed.");

    /** {@code headrace.memory.topic.budget.bytes}. */
    public static final ConfigKey<Long> MEMORY_TOPIC_BUDGET_BYTES =
            ConfigKey.number(
                    "headrace.memory.topic.budget.bytes",
                    64 * MIB,
                    1024,
                    Long.MAX_VALUE,
                    "Most bytes of memory of one partition of a memory or hybrid topic, where the"
                            + " topic config of that name does not say (nor, for a memory topic,"
                            + " retention.bytes). Beyond it the oldest are overwritten; those of a"
                            + " hybrid topic are on disk then.");

    /** {@code headrace.spill.ms}. */
    public static final ConfigKey<Long> SPILL_MS =
            ConfigKey.number(
                    "headrace.spill.ms",
                    10,
                    1,
                    60_000,
                    "Topic config of that name: the window of a hybrid topic, within which what it"
                            + " acknowledged in memory is written to disk and synced.");

    /** {@code headrace.metadata.cache.bytes}. */
    public static final ConfigKey<Long> METADATA_CACHE_BYTES =
            ConfigKey.number(
                    "headrace.metadata.cache.bytes",
                    64 * MIB,
                    MIB,
                    Long.MAX_VALUE,
                    "Memory of RocksDB: block cache and write buffers.");

    /** {@code headrace.cold.readers}. */
    public static final ConfigKey<Long> COLD_READERS =
            ConfigKey.number(
                    "headrace.cold.readers", 4, 1, 64, "Threads that read what is not in memory.");

    /** {@code headrace.source.threads}. */
    public static final ConfigKey<Long> SOURCE_THREADS =
            ConfigKey.number(
                    "headrace.source.threads",
                    64,
                    2,
                    1024,
                    "Threads that read one object store, one request each; each store has as many"
                            + " of its own, so that one which does not answer takes none of"
                            + " another's. A quarter of them is left to reads that somebody waits"
                            + " for. They end while there is nothing to read.");

    /** {@code headrace.cache.memory.bytes}. */
    public static final ConfigKey<Long> CACHE_MEMORY_BYTES =
            ConfigKey.number(
                    "headrace.cache.memory.bytes",
                    0,
                    0,
                    Long.MAX_VALUE,
                    "Most bytes of headrace.memory.budget.bytes that hold blocks of source topics;"
                            + " 0 for a quarter. More than half would not be given to it.");

    /** {@code headrace.cache.disk.bytes}. */
    public static final ConfigKey<Long> CACHE_DISK_BYTES =
            ConfigKey.number(
                    "headrace.cache.disk.bytes",
                    10 * 1024 * MIB,
                    0,
                    Long.MAX_VALUE,
                    "Most bytes of files that hold blocks of source topics; 0 for none. The cache"
                            + " takes at most half of what its disk has for it, and leaves what the"
                            + " journals keep free.");

    /** {@code headrace.cache.prefetch.bytes}. */
    public static final ConfigKey<Long> CACHE_PREFETCH_BYTES =
            ConfigKey.number(
                    "headrace.cache.prefetch.bytes",
                    -1,
                    -1,
                    Long.MAX_VALUE,
                    "Most bytes of source topics that are read ahead of consumers and not sent yet;"
                        + " 0 for none, -1 for a sixteenth of both tiers of the cache, within an"
                        + " eighth and a half of the memory's, and a quarter of what is free of"
                        + " that.");

    /** {@code headrace.cache.directory}. */
    public static final ConfigKey<String> CACHE_DIRECTORY =
            ConfigKey.text(
                    "headrace.cache.directory",
                    "",
                    "Folder of the files that hold blocks of source topics; cache in the data"
                            + " folder if empty. One server uses it at a time.");

    /** {@code headrace.aeron.publications}. */
    public static final ConfigKey<String> AERON_PUBLICATIONS =
            ConfigKey.text(
                    "headrace.aeron.publications",
                    "",
                    "Aeron streams that fill topics: TOPIC[/PARTITION]@CHANNEL@STREAM_ID, several"
                            + " separated by commas. Nothing of Aeron runs while this is empty.");

    /** {@code headrace.aeron.driver.embedded}. */
    public static final ConfigKey<Boolean> AERON_DRIVER_EMBEDDED =
            ConfigKey.flag(
                    "headrace.aeron.driver.embedded",
                    true,
                    "Whether the media driver runs in the server; else one has to run already.");

    /** {@code headrace.aeron.directory}. */
    public static final ConfigKey<String> AERON_DIRECTORY =
            ConfigKey.text(
                    "headrace.aeron.directory",
                    "",
                    "Folder of the media driver; Aeron's own default if empty.");

    /** Those of the group coordinator. */
    public static final List<ConfigKey<Long>> GROUPS =
            List.of(
                    OFFSETS_TOPIC_NUM_PARTITIONS,
                    OFFSETS_RETENTION_MINUTES,
                    GROUP_INITIAL_REBALANCE_DELAY_MS,
                    GROUP_MIN_SESSION_TIMEOUT_MS,
                    GROUP_MAX_SESSION_TIMEOUT_MS,
                    GROUP_MAX_SIZE,
                    GROUP_CONSUMER_SESSION_TIMEOUT_MS,
                    GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS);

    /** All of them, in the order of the documentation: Kafka's, then ours. */
    public static final List<ConfigKey<?>> ALL =
            List.of(
                    LISTENERS,
                    ADVERTISED_LISTENERS,
                    LOG_DIRS,
                    LOG_DIR,
                    NODE_ID,
                    NUM_NETWORK_THREADS,
                    NUM_PARTITIONS,
                    AUTO_CREATE_TOPICS,
                    MESSAGE_MAX_BYTES,
                    SOCKET_REQUEST_MAX_BYTES,
                    QUEUED_MAX_REQUEST_BYTES,
                    MAX_CONNECTIONS,
                    MAX_CONNECTIONS_PER_IP,
                    CONNECTIONS_MAX_IDLE_MS,
                    LOG_FLUSH_INTERVAL_MESSAGES,
                    LOG_FLUSH_INTERVAL_MS,
                    LOG_RETENTION_MS,
                    LOG_RETENTION_MINUTES,
                    LOG_RETENTION_HOURS,
                    LOG_RETENTION_BYTES,
                    LOG_RETENTION_CHECK_INTERVAL_MS,
                    LOG_CLEANUP_POLICY,
                    LOG_CLEANER_DEDUPE_BUFFER_SIZE,
                    LOG_MESSAGE_TIMESTAMP_TYPE,
                    PRODUCER_ID_EXPIRATION_MS,
                    OFFSETS_TOPIC_NUM_PARTITIONS,
                    OFFSETS_RETENTION_MINUTES,
                    GROUP_INITIAL_REBALANCE_DELAY_MS,
                    GROUP_MIN_SESSION_TIMEOUT_MS,
                    GROUP_MAX_SESSION_TIMEOUT_MS,
                    GROUP_MAX_SIZE,
                    GROUP_CONSUMER_SESSION_TIMEOUT_MS,
                    GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
                    ADMIN_LISTENER,
                    ADMIN_HOSTS,
                    KAFKA_STALL_TIMEOUT_MS,
                    KAFKA_FETCH_WAIT_MAX_MS,
                    GROUP_HEARTBEAT_HOLD_MS,
                    GROUP_LOST_MEMBER_MS,
                    JOURNAL_SHARDS,
                    JOURNAL_CYCLE_BYTES,
                    DISK_RESERVE_BYTES,
                    SEALING_MAX_BYTES_PER_SECOND,
                    MEMORY_BUDGET_BYTES,
                    MEMORY_TOPIC_BUDGET_BYTES,
                    SPILL_MS,
                    METADATA_CACHE_BYTES,
                    COLD_READERS,
                    SOURCE_THREADS,
                    CACHE_MEMORY_BYTES,
                    CACHE_DISK_BYTES,
                    CACHE_PREFETCH_BYTES,
                    CACHE_DIRECTORY,
                    AERON_PUBLICATIONS,
                    AERON_DRIVER_EMBEDDED,
                    AERON_DIRECTORY);

    /**
     * A family of keys with a name inside that the operator chooses.
     *
     * @param prefix begins each key
     * @param suffix ends it, after the chosen name and a dot; may itself end in a dot, and then the
     *     name of a topic config follows
     * @param meaning in a sentence
     */
    public record Family(String prefix, String suffix, String meaning) {
        /** How the documentation writes it. */
        public String pattern() {
            return prefix + "<name>." + suffix + (suffix.endsWith(".") ? "<topic config>" : "");
        }

        /** The chosen name within a key of this family; empty if the key is none. */
        String nameWithin(String key) {
            String rest = suffix.endsWith(".") ? ".+" : "";
            Matcher matcher =
                    Pattern.compile(
                                    Pattern.quote(prefix)
                                            + "(.+?)\\."
                                            + Pattern.quote(suffix)
                                            + rest)
                            .matcher(key);
            return matcher.matches() ? matcher.group(1) : "";
        }
    }

    /** Stores that source topics may read. */
    public static final String STORE_PREFIX = "headrace.store.";

    /** Topic configs by name prefix. */
    public static final String POLICY_PREFIX = "headrace.policy.";

    /** All families. */
    public static final List<Family> FAMILIES =
            List.of(
                    new Family(
                            STORE_PREFIX,
                            "uri",
                            "Root of an object store that source topics may read:"
                                    + " s3://BUCKET/PREFIX or file:///FOLDER."),
                    new Family(STORE_PREFIX, "endpoint", "URL of an S3 server other than AWS."),
                    new Family(STORE_PREFIX, "region", "Region of an S3 store."),
                    new Family(
                            STORE_PREFIX,
                            "path.style.access",
                            "true to name the bucket in the path, as MinIO and others want it."),
                    new Family(
                            STORE_PREFIX,
                            "access.key",
                            "Fixed key id. Without it, and without the next three, the AWS SDK's"
                                    + " usual chain is asked: environment, web identity, profile,"
                                    + " container, instance."),
                    new Family(STORE_PREFIX, "secret.key", "Secret that belongs to the key id."),
                    new Family(
                            STORE_PREFIX,
                            "credentials.file",
                            "File in the format of ~/.aws/credentials, read again when it was"
                                    + " modified."),
                    new Family(
                            STORE_PREFIX,
                            "credentials.profile",
                            "Profile in that file, or in AWS' own files."),
                    new Family(
                            STORE_PREFIX,
                            "requests.max",
                            "Requests in flight at a time, 1 to 1024; default 128. A store that"
                                    + " says it is busy is asked less."),
                    new Family(
                            STORE_PREFIX,
                            "bandwidth.max.bytes",
                            "Bytes per second that are read; default 0, no limit."),
                    new Family(
                            STORE_PREFIX,
                            "attempts.max",
                            "How often a request is sent before it counts as failed, 1 to 20;"
                                    + " default 8."),
                    new Family(
                            STORE_PREFIX,
                            "stall.timeout.ms",
                            "An answer of S3 without progress for so long is dropped, and asked"
                                    + " for again; default 10000."),
                    new Family(
                            POLICY_PREFIX,
                            "prefix",
                            "Topics whose name begins so take the policy's configs where their"
                                    + " creator sets none; the longest prefix wins."),
                    new Family(POLICY_PREFIX, "config.", "A topic config of the policy."));

    private ConfigKeys() {}

    private static List<String> listOf(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split("\\s*,\\s*"));
    }

    private static String endpointOrEmpty(String text) {
        if (!text.isEmpty()) {
            Endpoint.of(text);
        }
        return text;
    }
}
