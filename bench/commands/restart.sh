# Time from start to the first answered Metadata request after kills under load, with 10 GB of journal
#
# Options: see RestartBenchmark.USAGE, which an unknown option prints. The server's log and a Markdown report are left in
# the run's folder.
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.restart.RestartBenchmark "$@"
