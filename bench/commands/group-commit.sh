# Synced produces of one record each from 64 connections, on Headrace and on Apache Kafka 4.4.0, both with flush.messages=1
#
# bench/run group-commit --help prints the options. The brokers' logs and a Markdown report are left in the run's folder.

# shellcheck source=bench/peers/resolve.sh
source "$HEADRACE_HOME/bench/peers/resolve.sh"
resolve_peer kafka
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.kafkaload.GroupCommit "$@"
