# Topics over S3: epochs, Belady's optimum, cold and warm reads, rclone and s3fs, tar shards, 10⁷ objects
#
# bench/run sources --help prints the options. Bytes and requests are counted by a proxy of our own before the S3
# server. The servers' logs and a Markdown report are left in the run's folder.

# shellcheck source=bench/peers/resolve.sh
source "$HEADRACE_HOME/bench/peers/resolve.sh"
resolve_peer kafka
"${JAVA_CMD[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.sources.SourcesBenchmark "$@"
