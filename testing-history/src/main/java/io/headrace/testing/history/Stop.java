package io.headrace.testing.history;

/** How a server came to its end. */
public enum Stop {
    /** It stopped by itself, in order. */
    CLEAN,
    /** Its process was killed; what it wrote is in the operating system's hands. */
    KILL,
    /** The machine went down. */
    POWER_CUT
}
