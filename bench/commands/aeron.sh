# One-way and round-trip latency of an Aeron stream, alone and with the tap that fills a memory topic, in turns
#
# Options: see AeronOptions.USAGE, which an unknown option prints. A Markdown report is left in the run's folder.
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.aeron.AeronBenchmark "$@"
