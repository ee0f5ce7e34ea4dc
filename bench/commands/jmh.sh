# JMH benchmarks with the gc profiler: bench/run jmh [regex] [jmh arguments]
#
# The result is printed and also left as JSON in the run's folder.

# Forked JVMs of JMH inherit the flags of this one.
"${JAVA_CMD[@]}" org.openjdk.jmh.Main -prof gc -rf json -rff "$BENCH_OUT/jmh.json" "$@" | tee "$BENCH_OUT/jmh.txt"
