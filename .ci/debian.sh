# Sourced by scripts that need Debian packages.
# shellcheck shell=bash

retry() { # package mirrors have bad moments
    local attempt
    for attempt in 1 2 3; do
        "$@" && return
        echo "attempt $attempt of 3 failed: $*" >&2
        sleep $((attempt * 5))
    done
    return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() { # install_packages PACKAGE ...: those that are missing
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        retry as_root apt-get update -q
        retry as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    fi
}

download_packages() { # download_packages FOLDER PACKAGE ...: not to be installed
    mkdir -p "$1"
    (cd "$1" && apt-get -q -o APT::Sandbox::User=root download "${@:2}") && return
    retry as_root apt-get update -q
    (cd "$1" && retry apt-get -q -o APT::Sandbox::User=root download "${@:2}")
}
