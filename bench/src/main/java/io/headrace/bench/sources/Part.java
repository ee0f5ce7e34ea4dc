package io.headrace.bench.sources;

/** One of the things that {@code bench/run sources} measures. */
@FunctionalInterface
interface Part {
    /** Measures; the machine is its own meanwhile. */
    Table measure(Workbench bench) throws Exception;
}
