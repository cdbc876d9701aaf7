# shellcheck shell=bash
# Common ground of the conformance consumers: source it as the first thing.
#
#   #!/usr/bin/env bash
#   # tests/conformance/NAME OUT [REGION...]: what is judged, by whom.
#   set -euo pipefail
#   . "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib.sh"
#   need promtool amtool               # or: skipped here (status 77), failed in CI (CI=true)
#   results=$(results_dir prometheus)  # reports and tables that outlive the run
#   work=$(work_dir)                   # scratch, gone at exit
#   ports=($(free_ports 2))            # not in use on 127.0.0.1 right now
#   spawn redis "$work/redis.log" redis-server --port "${ports[0]}"   # stopped by pid at exit
#   wait_for 30 redis-cli -p "${ports[0]}" ping
#   check "rules of $region" promtool check rules "$file"             # prints ok or FAILED with the output, goes on
#   finish                             # last line: status 1 if any check failed, 77 if nothing was there to check
#
# Status of a consumer: 0 all is well, 77 skipped (with the reason on stderr), anything else FAILED.
# What to keep in mind when you write one:
# - Servers listen on 127.0.0.1 only, on ports from free_ports, and are started with `spawn`, never stopped by name.
# - The rendered tree OUT is read, never written: copy what must be changed into the work directory.
# - A tree without anything for you is `finish`ed with 77, not with 0: nothing was proved.
# - The programs are the pinned ones that lab/install keeps in the cache; they come first in PATH.

CONFORMANCE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
LAB=$CONFORMANCE/lab
ROOT=$(realpath "$CONFORMANCE/../..")
CACHE=${HAGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hagen-conformance}
# shellcheck source=tests/conformance/lab/versions
. "$LAB/versions"

# Each part's directory carries what it was made from in its name, so a changed version never meets an old build.
fingerprint() { cat -- "$@" | sha256sum | cut -c1-12; }
CONTROLPLANE_DIR=$CACHE/controlplane-$KUBERNETES_VERSION-$(fingerprint "$LAB"/controlplane/{go.mod,go.sum,main.go})
VENV=$CACHE/venv-$(fingerprint "$LAB/requirements.txt")
KWOK_DIR=$CACHE/kwok-$KWOK_VERSION
# shellcheck disable=SC2034  # for those who source this
CRDS_DIR=$CACHE/crds-$(fingerprint "$LAB/crds.tsv")
PROMTOOL_DIR=$CACHE/promtool-$(fingerprint "$LAB/promtool/go.mod")
AMTOOL_DIR=$CACHE/amtool-$(fingerprint "$LAB/amtool/go.mod")
BLACKBOX_DIR=$CACHE/blackbox-$(fingerprint "$LAB/blackbox/go.mod")
CONFTEST_DIR=$CACHE/conftest-$(fingerprint "$LAB/conftest/go.mod")
EXPORTERS_DIR=$CACHE/exporters-$(fingerprint "$LAB/exporters/go.mod")
PGBACKREST_EXPORTER_DIR=$CACHE/pgbackrest-exporter-$PGBACKREST_EXPORTER_VERSION
# Debian keeps servers (haproxy, pgbouncer, postgres) outside an ordinary user's PATH.
PATH=$VENV/bin:$CONTROLPLANE_DIR:$KWOK_DIR:$PROMTOOL_DIR:$AMTOOL_DIR:$BLACKBOX_DIR:$CONFTEST_DIR:$EXPORTERS_DIR:$PGBACKREST_EXPORTER_DIR:$PATH:/usr/sbin:/sbin
export PATH
# aws and moto must never look for, or find, a real account.
export AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# skip REASON: the consumer cannot do its work here. In CI that is a failure: a skip there would hide a broken install.
skip() {
    if [ "${CI:-}" = true ]; then say "FAILED: $*"; exit 1; fi
    say "SKIPPED: $*"; exit 77
}

# need TOOL...: programs, or absolute paths of files that lab/install makes.
need() {
    local tool missing=()
    for tool; do
        case $tool in
            /*) [ -e "$tool" ] || missing+=("$tool") ;;
            *) command -v "$tool" >/dev/null || missing+=("$tool") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] || skip "not installed: ${missing[*]} (run tests/conformance/lab/install)"
}

# results_dir NAME: emptied and created; target/ is where a build's products go and is not tracked.
results_dir() {
    local dir=${HAGEN_RESULTS:-$ROOT/target/conformance}/$1
    rm -rf -- "$dir"; mkdir -p "$dir"; realpath "$dir"
}

# free_ports N: all N are held open together while they are chosen, so they differ from one another.
free_ports() {
    python3 - "$1" <<'P'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))
P
}

# --- processes: a pid alone may have been given to somebody else since, so its start time is kept beside it
start_time() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }
is_running() { [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }
# remember PIDFILE PID; end PIDFILE [SIGNAL]: TERM by default, KILL after 10 s.
remember() { echo "$2 $(start_time "$2")" > "$1"; }
end() {
    local pid started i
    [ -s "$1" ] || return 0
    read -r pid started < "$1"
    if is_running "$pid" "$started"; then kill "-${2:-TERM}" "$pid"; fi
    for ((i = 0; i < 100; i++)); do
        is_running "$pid" "$started" || { rm -f "$1"; return 0; }
        [ "$(awk '{ sub(/^.*\) /, ""); print $1 }' "/proc/$pid/stat" 2>/dev/null)" != Z ] || { rm -f "$1"; return 0; }
        sleep 0.1
    done
    kill -KILL "$pid"; rm -f "$1"
}

# --- what is left behind is cleared by one EXIT trap, last thing first
LAB_SCRATCH='' LAB_CLEANUP=()
at_exit() { LAB_CLEANUP+=("$1"); }
lab_exit() {
    local status=$? i file
    trap - EXIT INT TERM
    for ((i = ${#LAB_CLEANUP[@]} - 1; i >= 0; i--)); do
        eval "${LAB_CLEANUP[i]}" || say "warning: could not clean up: ${LAB_CLEANUP[i]}"
    done
    for file in "$LAB_SCRATCH"/pids/*; do [ ! -f "$file" ] || end "$file"; done
    [ -z "${HAGEN_KEEP:-}" ] || { say "kept: $LAB_SCRATCH"; exit "$status"; }
    rm -rf -- "$LAB_SCRATCH"
    exit "$status"
}
LAB_SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/hagen-conformance.XXXXXX")
mkdir "$LAB_SCRATCH/pids" "$LAB_SCRATCH/work"
trap lab_exit EXIT
trap 'exit 130' INT TERM
# What kubectl remembers of a server must not outlive that server: the next one may listen on the same port.
export KUBECACHEDIR=$LAB_SCRATCH/kubectl
# HAGEN_KEEP=1 keeps it, to look into the logs afterwards.
work_dir() { echo "$LAB_SCRATCH/work"; }

# spawn NAME LOG COMMAND...: in the background until this script ends; its pid is in $SPAWNED.
spawn() {
    local name=$1 log=$2; shift 2
    "$@" > "$log" 2>&1 < /dev/null &
    SPAWNED=$!
    remember "$LAB_SCRATCH/pids/$name" "$SPAWNED"
}
stop() { end "$LAB_SCRATCH/pids/$1" "${2:-TERM}"; }

# wait_for SECONDS COMMAND...: until the command succeeds, twice a second.
wait_for() {
    local deadline=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.5
    done
}

# --- checks: one line each; a failure shows everything the program said and is counted
CHECKS=0 FAILURES=0
ok() { CHECKS=$((CHECKS + 1)); printf '    ok      %s\n' "$*"; }
failed() { CHECKS=$((CHECKS + 1)); FAILURES=$((FAILURES + 1)); printf '    FAILED  %s\n' "$*"; }
check() {
    local what=$1 said status=0; shift
    said=$("$@" 2>&1) || status=$?
    if [ $status -eq 0 ]; then ok "$what"; return 0; fi
    failed "$what (status $status: $1)"
    printf '            %s\n' "${said//$'\n'/$'\n            '}"
}
finish() {
    [ "$CHECKS" -gt 0 ] || { say "SKIPPED: nothing in the rendered tree for this consumer"; exit 77; }
    [ "$FAILURES" -eq 0 ] || exit 1
    exit 0
}
