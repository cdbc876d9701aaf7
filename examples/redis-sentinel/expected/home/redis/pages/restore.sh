#!/bin/sh
# Puts a snapshot into the EMPTY data directory of the node that will start as the primary of Redis pages in home: after every copy was
# lost, or to try a backup out. On the machine of that node, before any node has started.
#
#   restore.sh NODE SNAPSHOT       SNAPSHOT: shard-0.rdb of a set, with its manifest.json beside it; decrypted, where the set is encrypted
#
# It refuses (exit 3) where the sentinels name another node, know replicas, or the directory holds data. Then start the nodes by their units:
# the others copy from this one.
set -eu
umask 077
LC_ALL=C
export LC_ALL
if [ $# -ne 2 ]; then
  echo "usage: ${0##*/} NODE SNAPSHOT" >&2
  exit 2
fi
node=$1
snapshot=$2

# The declared layout: name host port bus shard rank first-slot last-slot zone. Rank 0 is the primary.
layout() {
  printf '%s\n' 'redis-1 10.0.1.41 6379 16379 0 0 0 16383 rack-a'
  printf '%s\n' 'redis-2 10.0.2.41 6379 16379 0 1 0 16383 rack-b'
  printf '%s\n' 'redis-3 10.0.3.41 6379 16379 0 2 0 16383 rack-c'
}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A terminal that goes away is no reason to leave anything half-way: without these the shell would skip the line above.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
layout >"$work/layout"
limit=600
if [ -n "${HAGEN_WAIT:-}" ]; then limit=$HAGEN_WAIT; fi
# The password of the role that may change the cluster: from REDISCLI_AUTH, or from a file. It never stands on a command line.
if [ -z "${REDISCLI_AUTH:-}" ]; then
  password_file=/etc/redis/operator-password
  if [ -n "${HAGEN_PASSWORD_FILE:-}" ]; then password_file=$HAGEN_PASSWORD_FILE; fi
  [ -r "$password_file" ] || fail "cannot read $password_file; set HAGEN_PASSWORD_FILE or REDISCLI_AUTH"
  REDISCLI_AUTH=$(cat "$password_file")
fi
export REDISCLI_AUTH

# field NAME COLUMN: one figure of the table.
field() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$work/layout"; }

# on NAME COMMAND…: one command on one node, never for longer than ten seconds; an error reply is a failure.
on() {
  at=$1
  shift
  timeout 10 redis-cli -e -h "$(field "$at" 2)" -p "$(field "$at" 3)" --user operator --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key "$@" </dev/null
}

# info NAME SECTION KEY: one line of INFO or, with section `cluster`, of CLUSTER INFO.
info() {
  if [ "$2" = cluster ]; then on "$1" cluster info; else on "$1" info "$2"; fi |
    tr -d '\r' | awk -F: -v key="$3" '$1 == key { print $2 }'
}

# address NAME: the address of a node; CLUSTER MEET takes no host names.
address() {
  host=$(field "$1" 2)
  case $host in
  *:*) say "$host" ;;
  *[!0-9.]*) getent hosts "$host" | awk 'NR == 1 { print $1 }' ;;
  *) say "$host" ;;
  esac
}

# until_true WHAT COMMAND…: asks once a second until it is so, for at most $limit seconds.
until_true() {
  what=$1
  shift
  since=$(date +%s)
  until "$@" 2>"$work/why"; do
    if [ $(($(date +%s) - since)) -ge "$limit" ]; then
      fail "waited ${limit}s: $what. $(head -n 3 "$work/why")"
    fi
    sleep 1
  done
}

# The sentinels: name host port zone.
sentinels() {
  printf '%s\n' 'redis-1 10.0.1.41 26379 rack-a'
  printf '%s\n' 'redis-2 10.0.2.41 26379 rack-b'
  printf '%s\n' 'redis-3 10.0.3.41 26379 rack-c'
}
sentinels >"$work/sentinels"
store=pages

# watch NAME COMMAND…: one command on one sentinel.
watch() {
  at=$1
  shift
  timeout 10 redis-cli -e -h "$(awk -v name="$at" '$1 == name { print $2 }' "$work/sentinels")" -p "$(awk -v name="$at" '$1 == name { print $3 }' "$work/sentinels")" --user operator --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key "$@" </dev/null
}

# seen NAME KEY: what a sentinel says of the primary: `ip`, `port`, `config-epoch`, `num-slaves`.
seen() {
  watch "$1" sentinel master "$store" | tr -d '\r' | awk -v key="$2" 'NR % 2 { name = $0; next } name == key { print }'
}

# called HOST PORT: the declared name of an address.
called() { awk -v host="$1" -v port="$2" '$2 == host && $3 == port { print $1 }' "$work/layout"; }

# look all|any: asks every node and every sentinel; `all` fails at one that does not answer, `any` passes it over.
#   state: name role host port link syncing ("-" for a primary): whom it follows, and whether it has its copy
#   named: sentinel epoch host port known-replicas other-sentinels
look() {
  : >"$work/state"
  : >"$work/named"
  while read -r name rest; do
    if ! on "$name" info replication >"$work/view"; then
      [ "$1" = any ] || return 1
      echo "$name does not answer" >&2
      continue
    fi
    tr -d '\r' <"$work/view" | awk -F: -v name="$name" '
      { value[$1] = substr($0, length($1) + 2) }
      END {
        if (value["role"] == "master") print name, "primary", "-", "-", "-", "-"
        else print name, "replica", value["master_host"], value["master_port"], value["master_link_status"], value["master_sync_in_progress"]
      }' >>"$work/state"
  done <"$work/layout"
  while read -r name rest; do
    if ! watch "$name" sentinel master "$store" >"$work/view"; then
      [ "$1" = any ] || return 1
      echo "sentinel $name does not answer" >&2
      continue
    fi
    tr -d '\r' <"$work/view" | awk -v name="$name" '
      NR % 2 { key = $0; next } { value[key] = $0 }
      END { print name, value["config-epoch"], value["ip"], value["port"], value["num-slaves"], value["num-other-sentinels"] }' >>"$work/named"
  done <"$work/sentinels"
}

# primary: the node that the sentinels name. The one that knows of the latest failover counts (F-RD-20).
primary() {
  sort -k 2,2n "$work/named" | tail -n 1 >"$work/latest"
  read -r _ _ host port _ <"$work/latest" || return 1
  found=$(called "$host" "$port")
  [ -n "$found" ] || return 1
  say "$found"
}

# table: what is now, beside what is declared.
table() {
  printf '%-24s %-14s %-9s %-9s %s\n' node zone declared now address
  while read -r name host port _ _ rank _ _ zone; do
    declared=replica
    if [ "$rank" = 0 ]; then declared=primary; fi
    now=$(awk -v name="$name" '$1 == name { print $2 }' "$work/state")
    printf '%-24s %-14s %-9s %-9s %s\n' "$name" "$zone" "$declared" "${now:--}" "$host:$port"
  done <"$work/layout"
}

refuse() {
  printf 'refused: %s\n' "$*" >&2
  exit 3
}
data=
account=redis
case $node in
redis-1) data=/var/lib/redis ;;
redis-2) data=/var/lib/redis ;;
redis-3) data=/var/lib/redis ;;
*) fail "there is no node $node (roles.md)" ;;
esac
# Beside it lies what backup.sh wrote of it.
manifest=$(dirname -- "$snapshot")/manifest.json
[ -r "$snapshot" ] || fail "$snapshot cannot be read"
[ -r "$manifest" ] || refuse "there is no manifest.json beside $snapshot: what was not completed is no backup"
told=$(sed -n 's/.*"file": "shard-0.rdb".*"sha256": "\([0-9a-f]*\)".*/\1/p' "$manifest")
[ "$(sha256sum <"$snapshot" | cut -d ' ' -f 1)" = "$told" ] || refuse "$snapshot is not what the manifest says (sha256); an encrypted one is decrypted first"
[ "$(head -c 5 "$snapshot")" = REDIS ] || fail "$snapshot is no snapshot"
if command -v redis-check-rdb >/dev/null; then redis-check-rdb "$snapshot" >"$work/checked" || fail "$(tail -n 3 "$work/checked")"; fi
[ -d "$data" ] || fail "there is no directory $data on this machine"

look any 2>/dev/null || true
[ ! -s "$work/state" ] || refuse "$(awk 'NR == 1 { print $1 }' "$work/state") runs: stop every node first"
[ "$(wc -l <"$work/named")" -ge 2 ] || fail "fewer than 2 sentinels answer: start them first"
owner=$(primary) || refuse "the sentinels name no node of roles.md"
[ "$owner" = "$node" ] || refuse "the sentinels name $owner: restore on its machine"
known=$(awk '$5 > most { most = $5 } END { print most + 0 }' "$work/named")
[ "$known" = 0 ] || refuse "the sentinels know $known replicas, whose data would be overwritten: bootstrap.sh --forget-lost (README.md)"
for file in "$data/redis-state.conf" "$data/dump.rdb" "$data/appendonlydir"; do
  [ ! -e "$file" ] || refuse "$file exists: move it away first"
done
# The append-only file begins with the snapshot; a dump.rdb beside it would not be read.
mkdir "$data/appendonlydir"
cp "$snapshot" "$data/appendonlydir/appendonly.aof.1.base.rdb"
echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$data/appendonlydir/appendonly.aof.manifest"
if [ "$(id -u)" = 0 ]; then chown -R "$account" "$data/appendonlydir"; fi
say "$node holds the snapshot: start it and then the others by their units; bootstrap.sh says when all is as declared"
