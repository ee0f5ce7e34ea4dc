# How soon a member of a share view's group has its first record, and how soon its lanes have others when it is killed
#
# Options: see MovesBenchmark.USAGE, which an unknown option prints. The servers' logs and a Markdown report are left in
# the run's folder.

"${JAVA_CMD[@]}" -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=error io.headrace.bench.share.MovesBenchmark "$@"
