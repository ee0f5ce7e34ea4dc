# The same Kafka load on Headrace and on Apache Kafka 4.4.0, in turns: throughput, latency, broker CPU per GB
#
# bench/run kafka-load --help prints the options. The brokers' logs, the output of every load tool, a CSV of all
# measurements and a Markdown report are left in the run's folder.

# shellcheck source=bench/peers/resolve.sh
source "$HEADRACE_HOME/bench/peers/resolve.sh"
resolve_peer kafka
resolve_peer kafka-tools
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.kafkaload.KafkaLoad "$@"
