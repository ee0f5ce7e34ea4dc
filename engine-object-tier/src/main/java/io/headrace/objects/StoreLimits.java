package io.headrace.objects;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.ObjectStore;
import java.util.Map;
import java.util.Set;

/**
 * How hard a store may be used.
 *
 * @param requestsMax requests in flight at a time
 * @param bandwidthMaxBytes bytes per second that are read; 0 for no limit
 * @param attemptsMax how often one call asks the store, the first time included
 */
@Experimental
public record StoreLimits(int requestsMax, long bandwidthMaxBytes, int attemptsMax) {
    /** Where the configuration says nothing. */
    public static final StoreLimits DEFAULTS = new StoreLimits(128, 0, 8);

    private static final String REQUESTS_MAX = "requests.max";
    private static final String BANDWIDTH_MAX = "bandwidth.max.bytes";
    private static final String ATTEMPTS_MAX = "attempts.max";

    /** The keys that {@link #of} reads. */
    static final Set<String> KEYS = Set.of(REQUESTS_MAX, BANDWIDTH_MAX, ATTEMPTS_MAX);

    private static final long REQUESTS_LIMIT = 1024;
    private static final long ATTEMPTS_LIMIT = 20;

    /**
     * From the keys of a store in the server's config, without what stands before them.
     *
     * @throws InvalidConfigException naming the first that has a value it cannot have
     */
    public static StoreLimits of(Map<String, String> config) {
        return new StoreLimits(
                (int) number(config, REQUESTS_MAX, DEFAULTS.requestsMax, 1, REQUESTS_LIMIT),
                number(config, BANDWIDTH_MAX, DEFAULTS.bandwidthMaxBytes, 0, Long.MAX_VALUE),
                (int) number(config, ATTEMPTS_MAX, DEFAULTS.attemptsMax, 1, ATTEMPTS_LIMIT));
    }

    /** A number within bounds, or the default. */
    static long number(
            Map<String, String> config, String key, long defaultValue, long min, long max) {
        String value = config.get(key);
        if (value == null) {
            return defaultValue;
        }
        try {
            long number = Long.parseLong(value.trim());
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(key, value, min + " to " + max);
    }

    /** The store within these limits, counted; closing it closes the store. */
    public ObjectStore around(ObjectStore store, StoreCounters counters) {
        return new RetryingObjectStore(
                new ThrottledObjectStore(store, this, counters), attemptsMax, counters);
    }
}
