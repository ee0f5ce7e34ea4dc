# Sealing: reading one topic of thousands before and after, and what it costs producers and tail readers meanwhile
#
# Options: see SealingBenchmark.USAGE, which an unknown option prints. A Markdown report is left in the run's folder.
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn io.headrace.bench.sealing.SealingBenchmark "$@"
