# A great many topics: creation, first writes, memory, descriptors, restart, for N = 10 to 1,000,000
#
# Options: see TopicsOptions.USAGE, which an unknown option prints. The servers' logs and a Markdown report are left
# in the run's folder.
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.topics.TopicsBenchmark "$@"
