package io.headrace.objects;

import java.util.concurrent.TimeUnit;

/** Lets the calling thread wait; handed in, so that tests need not. */
@FunctionalInterface
interface Sleeper {
    /** The machine's own. */
    Sleeper THREAD = TimeUnit.NANOSECONDS::sleep;

    void sleep(long nanos) throws InterruptedException;
}
