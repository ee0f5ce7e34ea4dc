#!/bin/sh
# See README.md; kcat. It commits what it has given out when it ends.
set -eu
bootstrap=$1 phase=$2 prefix=$3 codecs=$4 count=$5
half=$((count / 2))
padding=$(printf '%0200d' 0 | tr 0 x)

produce() { # TOPIC CODEC
    i=0
    while [ "$i" -lt "$count" ]; do
        echo "$i:$padding"
        i=$((i + 1))
    done | kcat -P -b "$bootstrap" -t "$1" -p 0 -z "$2" -X acks=all -X linger.ms=50
}

consume() { # TOPIC CODEC
    kcat -q -b "$bootstrap" -G "$1" -c "$half" -f '%s\n' \
        -X auto.offset.reset=earliest -X check.crcs=true "$1" |
        while IFS=: read -r number value; do
            [ "$value" = "$padding" ] || { echo "wrong bytes: $number" >&2; exit 1; }
            echo "$2 $number"
        done
}

for codec in $(echo "$codecs" | tr , ' '); do
    if [ "$phase" = first ]; then
        produce "$prefix-$codec" "$codec"
    fi
    consume "$prefix-$codec" "$codec"
done
