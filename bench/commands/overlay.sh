# A topic read through overlays and straight, in turns on one server
#
# Options: see OverlayBenchmark.USAGE, which an unknown option prints. The server's log and a Markdown report are left in
# the run's folder.

"${JAVA_CMD[@]}" -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.overlay.OverlayBenchmark "$@"
