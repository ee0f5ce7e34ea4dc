# Sourced: fetches a peer's jars. Peers and load tools have class paths of their own, because their versions differ
# from ours, and from each other.

resolve_peer() {
    local target="$HEADRACE_HOME/bench/target/peers/$1" pom="$HEADRACE_HOME/bench/peers/$1/pom.xml"
    if [[ -d "$target" && "$target" -nt "$pom" ]]; then return; fi
    echo "bench: resolving $1" >&2
    rm -rf "$target" "$target.new"
    (cd "$HEADRACE_HOME" && ./mvnw -q -f "$pom" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$target.new") >&2
    mv "$target.new" "$target"
    touch "$target"
}
