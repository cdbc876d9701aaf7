#!/usr/bin/env bash
# hold.sh [SECONDS]: for work on Patroni under a PostgreSQL that runs on. HAProxy on this host goes on leading clients to
# whoever is up now, and does not ask their Patroni meanwhile: a primary whose Patroni is away for 3 checks is
# otherwise taken out, and its sessions end.
#
#   It holds until Patroni is resumed, for SECONDS (300; at most 3600), or until Ctrl-C; then the checks go on.
#   Killed with -9 it leaves the checks off: systemctl reload hagen-main-haproxy turns them on.
#   Refused unless Patroni is paused: nobody here would notice another primary.
#   As root, on every host of a router, in a terminal of its own; another one is for the work.
#
# Status 1: something failed. 2: asked for in a wrong way. 3: refused, and nothing was changed.
set -euo pipefail

socket=/run/hagen-main-haproxy/admin.sock
# Where the Patroni of each member answers.
rests=(https://10.2.1.11:8008 https://10.2.2.11:8008 https://10.2.3.11:8008 )

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
misused() { printf '%s: %s; --help says more\n' "${0##*/}" "$*" >&2; exit 2; }
refuse() { printf '%s: refused: %s\n' "${0##*/}" "$*" >&2; exit 3; }

# ask COMMAND: HAProxy's answer.
if command -v socat >/dev/null; then
    ask() { printf '%s\n' "$1" | socat -t 10 - "UNIX-CONNECT:$socket"; }
elif command -v python3 >/dev/null; then
    ask() {
        python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
sys.stdout.write(s.makefile().read())' "$socket" "$1"
    }
else
    fail "neither socat nor python3 is installed: one of them asks HAProxy"
fi

# paused: 0: all that answer say so. 1: one says that it is not. 2: nobody answers.
paused() {
    local rest body status=2
    for rest in "${rests[@]}"; do
        # No certificate is looked at: one that has ended must not look like nobody.
        body=$(curl --silent --max-time 3 --insecure "$rest/patroni") || continue
        case $body in
            *'"pause": true'*) status=0 ;;
            *) return 1 ;;
        esac
    done
    return "$status"
}

# up: the servers that checks have found good, a line each, as PROXY/SERVER.
up() {
    local table fields
    table=$(ask 'show stat -1 4 -1') || return 1
    while IFS=, read -r -a fields; do
        case ${fields[17]:-} in
            UP*) printf '%s/%s\n' "${fields[0]}" "${fields[1]}" ;;
        esac
    done <<<"$table"
}

seconds=300
case ${1:-} in
    -h | --help) sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' -- "$0"; exit 0 ;;
    '') ;;
    *[!0-9]* | ?????*) misused "$1: 1 to 3600 seconds" ;;
    *) seconds=$((10#$1)) ;;
esac
[ $# -le 1 ] || misused "one argument at most"
if [ "$seconds" -lt 1 ] || [ "$seconds" -gt 3600 ]; then misused "1 to 3600 seconds"; fi

[ -S "$socket" ] || fail "$socket is not there: HAProxy does not run, or has not read this haproxy.cfg yet (systemctl reload hagen-main-haproxy)"
state=0
paused || state=$?
case $state in
    1) refuse "Patroni is not paused: patronictl pause --wait first" ;;
    2) refuse "no Patroni answers, so that nobody knows whether it is paused" ;;
esac
found=$(up) || fail "HAProxy does not answer at $socket"
case $found in
    primary/*) ;;
    *) refuse "HAProxy here has no primary that is up" ;;
esac
mapfile -t servers <<<"$found"
if [ "$(printf '%s\n' "${servers[@]}" | grep -c '^primary/')" -gt 1 ]; then
    refuse "HAProxy here sees more than one primary: wait until a change of roles is over"
fi

go_on() {
    local server said bad=0
    trap - EXIT
    for server in "${held[@]}"; do
        said=$(ask "enable health $server") || said='no answer'
        [ -z "${said//[[:space:]]/}" ] || { printf '%s: %s: %s\n' "${0##*/}" "$server" "$said" >&2; bad=1; }
    done
    [ "$bad" = 0 ] || fail "checks are still off: systemctl reload hagen-main-haproxy turns them on"
    say "Patroni is asked again"
}
held=()
trap go_on EXIT
trap 'exit 130' INT TERM HUP
for server in "${servers[@]}"; do
    said=$(ask "disable health $server") || fail "HAProxy does not answer at $socket"
    [ -z "${said//[[:space:]]/}" ] || fail "$server: $said"
    held+=("$server")
done
say "held: ${held[*]}"

end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ]; do
    sleep 1
    state=0
    paused || state=$?
    if [ "$state" = 1 ]; then
        say "Patroni is resumed"
        break
    fi
done
