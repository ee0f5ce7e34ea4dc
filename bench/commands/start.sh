# Time from start to the first answered Metadata request, and idle memory and CPU, beside Apache Kafka 4.4.0
#
# Takes the options of kafka-load that make sense here: --rounds, --contestants, --heap, --jvm, --set, --data.

# shellcheck source=bench/peers/resolve.sh
source "$HEADRACE_HOME/bench/peers/resolve.sh"
resolve_peer kafka
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.kafkaload.StartUp --heap stock "$@"
