package io.headrace.testing.s3;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Decides what goes wrong: by a script that the next requests follow, or by rates, drawn from a
 * seed. May be changed at any time, by any thread.
 */
public final class Faults {
    private final Deque<Fault> script = new ArrayDeque<>();
    private final Map<Fault, Double> rates = new EnumMap<>(Fault.class);
    private Random random = new Random(0);

    Faults() {}

    /**
     * Begins a new sequence of draws.
     *
     * @return this
     */
    public synchronized Faults seed(long seed) {
        random = new Random(seed);
        return this;
    }

    /**
     * Has a share of all requests fail so.
     *
     * @param share 0 to 1; those of all faults together are at most 1
     * @return this
     */
    public synchronized Faults rate(Fault fault, double share) {
        rates.put(fault, share);
        return this;
    }

    /**
     * Has the next requests for objects fail so, one after the other, whatever the rates are.
     *
     * @return this
     */
    public synchronized Faults script(Fault... next) {
        script.addAll(List.of(next));
        return this;
    }

    /** Nothing goes wrong from now on. */
    public synchronized void clear() {
        script.clear();
        rates.clear();
    }

    /** What happens to the next request. */
    synchronized Fault next(Operation operation) {
        boolean isOfObject = operation == Operation.GET_OBJECT;
        if (isOfObject && !script.isEmpty()) {
            return script.removeFirst();
        }
        double draw = random.nextDouble();
        for (Map.Entry<Fault, Double> rate : rates.entrySet()) {
            draw -= rate.getValue();
            if (draw < 0) {
                return rate.getKey().isOfBody() && !isOfObject ? Fault.NONE : rate.getKey();
            }
        }
        return Fault.NONE;
    }
}
