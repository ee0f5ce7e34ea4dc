# The same Kafka load on Headrace and on Apache Kafka 4.4.0, in turns: throughput, latency, broker CPU per GB
#
# bench/run kafka-load --help prints the options. The brokers' logs, the output of every load tool, a CSV of all
# measurements and a Markdown report are left in the run's folder.

# The peer and the load tools have class paths of their own: their versions differ from ours, and from each other.
resolve_peer() {
    local target="$HEADRACE_HOME/bench/target/peers/$1" pom="$HEADRACE_HOME/bench/peers/$1/pom.xml"
    if [[ -d "$target" && "$target" -nt "$pom" ]]; then return; fi
    echo "bench: resolving $1" >&2
    rm -rf "$target"
    (cd "$HEADRACE_HOME" && ./mvnw -q -f "$pom" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$target.new") >&2
    mv "$target.new" "$target"
    touch "$target"
}

resolve_peer kafka
resolve_peer kafka-tools
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.kafkaload.KafkaLoad "$@"
