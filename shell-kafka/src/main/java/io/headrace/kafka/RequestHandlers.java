package io.headrace.kafka;

import java.util.EnumMap;
import java.util.Map;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersion;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersionCollection;
import org.apache.kafka.common.protocol.ApiKeys;
import org.jspecify.annotations.Nullable;

/**
 * Which APIs there are, in which versions, and who answers them.
 *
 * <p>Filled by one thread before the first connection is accepted, read-only from then on.
 */
public final class RequestHandlers {

    /** One API: its handler and the versions that it takes, both ends inclusive. */
    record Entry(RequestHandler handler, short versionMin, short versionMax) {
        boolean takes(short version) {
            return version >= versionMin && version <= versionMax;
        }
    }

    private final Map<ApiKeys, Entry> entryByApi = new EnumMap<>(ApiKeys.class);

    /**
     * Registers a handler for every stable version that the wire library has of an API.
     *
     * @return this
     * @throws IllegalStateException if that API has a handler already
     */
    public RequestHandlers register(ApiKeys api, RequestHandler handler) {
        return register(api, api.oldestVersion(), api.latestVersion(false), handler);
    }

    /**
     * Registers a handler for some versions of an API, both ends inclusive.
     *
     * @return this
     * @throws IllegalStateException if that API has a handler already
     */
    public RequestHandlers register(
            ApiKeys api, int versionMin, int versionMax, RequestHandler handler) {
        Entry entry = new Entry(handler, (short) versionMin, (short) versionMax);
        if (entryByApi.putIfAbsent(api, entry) != null) {
            throw new IllegalStateException("handler registered twice: api=" + api);
        }
        return this;
    }

    /** The handler of an API, or null if there is none. */
    @Nullable Entry find(ApiKeys api) {
        return entryByApi.get(api);
    }

    /** The APIs and versions as ApiVersions announces them. */
    public ApiVersionCollection apiVersions() {
        ApiVersionCollection versions = new ApiVersionCollection(entryByApi.size());
        entryByApi.forEach((api, entry) -> versions.add(announced(api, entry)));
        return versions;
    }

    private static ApiVersion announced(ApiKeys api, Entry entry) {
        // librdkafka before 2.8 takes a broker without Produce 0 for one that cannot compress, and
        // silently sends uncompressed; Kafka announces versions that it refuses for the same
        // reason.
        short min = api == ApiKeys.PRODUCE ? 0 : entry.versionMin();
        return new ApiVersion()
                .setApiKey(api.id)
                .setMinVersion(min)
                .setMaxVersion(entry.versionMax());
    }
}
