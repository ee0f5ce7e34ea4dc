# Many consumers on one partition through a share view, and on a partition each, in turns on one server; Kafka's share group beside it
#
# Options: see ShareBenchmark.USAGE, which an unknown option prints. The servers' logs and a Markdown report are left in
# the run's folder.

# shellcheck source=bench/peers/resolve.sh
source "$HEADRACE_HOME/bench/peers/resolve.sh"
resolve_peer kafka
"${JAVA_CMD[@]}" -Xmx4g -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.share.ShareBenchmark "$@"
