package io.headrace.testing.s3;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * What crossed the wire, counted at the server's side of the client: requests by what they asked,
 * and the body bytes of objects that left for a client, whether or not it took them. Thread-safe;
 * what is under way while it is read may or may not be in.
 */
public final class Traffic {
    private final Map<Operation, LongAdder> requests = adders(Operation.class);
    private final Map<Fault, LongAdder> faults = adders(Fault.class);
    private final Map<String, LongAdder> bytesByKey = new ConcurrentHashMap<>();
    private final Map<String, LongAdder> getsByKey = new ConcurrentHashMap<>();
    private final LongAdder objectBytes = new LongAdder();
    private final AtomicInteger inFlight = new AtomicInteger();
    private final AtomicInteger inFlightMax = new AtomicInteger();

    Traffic() {}

    private static <K extends Enum<K>> Map<K, LongAdder> adders(Class<K> kind) {
        Map<K, LongAdder> adders = new EnumMap<>(kind);
        for (K key : kind.getEnumConstants()) {
            adders.put(key, new LongAdder());
        }
        return adders;
    }

    /** The adder of a key; there is one for each. */
    private static <K extends Enum<K>> LongAdder of(Map<K, LongAdder> adders, K key) {
        return Objects.requireNonNull(adders.get(key));
    }

    void begin(S3Call call) {
        of(requests, call.operation()).increment();
        if (call.operation() == Operation.GET_OBJECT) {
            getsByKey.computeIfAbsent(call.key(), key -> new LongAdder()).increment();
        }
        int now = inFlight.incrementAndGet();
        inFlightMax.accumulateAndGet(now, Math::max);
    }

    void end() {
        inFlight.decrementAndGet();
    }

    void fault(Fault fault) {
        if (fault != Fault.NONE) {
            of(faults, fault).increment();
        }
    }

    void sent(String key, long bytes) {
        objectBytes.add(bytes);
        bytesByKey.computeIfAbsent(key, k -> new LongAdder()).add(bytes);
    }

    /** Requests of a kind. */
    public long requests(Operation operation) {
        return of(requests, operation).sum();
    }

    /** Requests of all kinds. */
    public long requests() {
        return requests.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /** Body bytes of objects that were sent. */
    public long objectBytes() {
        return objectBytes.sum();
    }

    /** Body bytes of each object that any were sent of, by key. */
    public Map<String, Long> objectBytesByKey() {
        return sums(bytesByKey);
    }

    /** Requests for the bytes of each object that any were asked of, by key. */
    public Map<String, Long> getsByKey() {
        return sums(getsByKey);
    }

    private static Map<String, Long> sums(Map<String, LongAdder> adders) {
        Map<String, Long> sums = new TreeMap<>();
        adders.forEach((key, adder) -> sums.put(key, adder.sum()));
        return sums;
    }

    /** How often something was made to go wrong so. */
    public long faults(Fault fault) {
        return of(faults, fault).sum();
    }

    /** Requests of which the last byte has not been answered yet. */
    public int inFlight() {
        return inFlight.get();
    }

    /** The most that {@link #inFlight} was. */
    public int inFlightMax() {
        return inFlightMax.get();
    }

    /** Counts from zero again; what is in flight stays so. */
    public void reset() {
        requests.values().forEach(LongAdder::reset);
        faults.values().forEach(LongAdder::reset);
        bytesByKey.clear();
        getsByKey.clear();
        objectBytes.reset();
        inFlightMax.set(inFlight.get());
    }
}
