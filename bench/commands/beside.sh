# Latency of a memory topic alone, and beside a load that saturates a synced topic, in turns on one server
#
# Options: see BesideBenchmark.USAGE, which an unknown option prints. The server's log and a Markdown report are left in
# the run's folder.
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.beside.BesideBenchmark "$@"
