# How soon one consumer of a union sees what is produced to any of many topics, and to one that is new; how long a new union takes over all
#
# Options: see UnionBenchmark.USAGE, which an unknown option prints. The server's log and a Markdown report are left in
# the run's folder.

"${JAVA_CMD[@]}" -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.union.UnionBenchmark "$@"
