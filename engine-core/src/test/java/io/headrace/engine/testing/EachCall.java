package io.headrace.engine.testing;

import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.util.List;
import java.util.Random;

/**
 * Has each call to the disk in turn go wrong: what is tested lives once for each, until it has
 * lived without reaching the call.
 */
public final class EachCall {
    private EachCall() {}

    /** One life, on a disk of its own. */
    @FunctionalInterface
    public interface Life {
        /**
         * Lives, and checks what is left.
         *
         * @param call that has the fault, counted from 1
         * @return whether the call was reached
         */
        boolean live(int call, Fault fault) throws IOException;
    }

    /**
     * Each call has each kind of fault.
     *
     * @return the first call that some kind's lives did not reach
     */
    public static int withEveryFault(Life life) throws IOException {
        int unreached = Integer.MAX_VALUE;
        for (Fault fault : Fault.values()) {
            unreached = Math.min(unreached, withFault(fault, life));
        }
        return unreached;
    }

    /**
     * Each call has this kind of fault.
     *
     * @return the first call that was not reached
     */
    public static int withFault(Fault fault, Life life) throws IOException {
        int call = 1;
        while (life.live(call, fault)) {
            call++;
        }
        return call;
    }

    /**
     * One call of so many has one kind of fault: which of them, and which kind, is the seed's
     * choice.
     *
     * @return a call that was not reached
     */
    public static int bySeed(long seed, int callsPerFault, Life life) throws IOException {
        List<Fault> faults = List.of(Fault.values());
        Random choice = new Random(seed);
        int call = 1 + choice.nextInt(callsPerFault);
        while (life.live(call, faults.get(choice.nextInt(faults.size())))) {
            call += callsPerFault;
        }
        return call;
    }
}
