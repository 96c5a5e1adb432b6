#!/usr/bin/env bash
# Network namespaces joined by a bridge, for peers that find each other by broadcast.
#
#   netns.sh run SCRIPT [ARG...]   makes them, runs SCRIPT, removes them; its status is SCRIPT's
#   . netns.sh; netns_up; ...      the same from a script of one's own; removed when it exits
#
# SCRIPT (bash, may be a file or `-c COMMAND`) sees NS1, NS2, ... (names), IP1, IP2, ...
# (10.77.0.1, 10.77.0.2, ...) and may call `in_ns 1 command...`. What is to be killed by
# its $! is better started with `ip netns exec $NS1 command... &`. NETNS_COUNT sets how
# many (2). In each, 255.255.255.255 goes to the others, and a default route that leads
# nowhere gives the peers their own address. Needs root and iproute2.

netns_require() {
    command -v ip >/dev/null || { echo "netns.sh: no ip; type: apt-get install iproute2" >&2; return 1; }
    [ "$(id -u)" = 0 ] || { echo "netns.sh: needs root; type: sudo $0 $*" >&2; return 1; }
}

# The bridge has a namespace of its own, so that nothing is added to the machine's.
netns_up() {
    netns_require "$@" || return
    local count=${NETNS_COUNT:-2} i ns
    NETNS_PREFIX=ropeway$$
    NETNS_HUB=$NETNS_PREFIX-hub
    trap netns_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    ip netns add "$NETNS_HUB" || return
    ip -n "$NETNS_HUB" link add hub type bridge forward_delay 0 || return
    ip -n "$NETNS_HUB" link set hub up || return
    for i in $(seq "$count"); do
        ns=$NETNS_PREFIX-$i
        ip netns add "$ns" || return
        ip -n "$NETNS_HUB" link add "port$i" type veth peer name eth0 netns "$ns" || return
        ip -n "$NETNS_HUB" link set "port$i" master hub up || return
        ip -n "$ns" link set lo up || return
        ip -n "$ns" address add "10.77.0.$i/24" broadcast + dev eth0 || return
        ip -n "$ns" link set eth0 up || return
        ip -n "$ns" route add default via 10.77.0.254 || return
        export "NS$i=$ns" "IP$i=10.77.0.$i"
    done
    export NETNS_PREFIX
    export -f in_ns
}

# in_ns NUMBER COMMAND...
in_ns() {
    local ns=$NETNS_PREFIX-$1
    shift
    ip netns exec "$ns" "$@"
}

# Ends what still runs in the namespaces, then removes them.
netns_down() {
    local ns pid
    [ -z "$NETNS_CHILD" ] || kill "$NETNS_CHILD" 2>/dev/null
    for ns in $(ip netns list | awk -v p="$NETNS_PREFIX-" 'index($1, p) == 1 { print $1 }'); do
        for pid in $(ip netns pids "$ns"); do kill "$pid" 2>/dev/null; done
        ip netns del "$ns"
    done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    if [ "$1" != run ] || [ $# -lt 2 ]; then
        echo "usage: $0 run SCRIPT [ARG...]" >&2
        exit 64
    fi
    shift
    netns_up run "$@" || exit 1
    # In the background, so that a signal is acted on at once.
    bash "$@" <&0 &
    NETNS_CHILD=$!
    wait "$NETNS_CHILD"
    exit
fi
