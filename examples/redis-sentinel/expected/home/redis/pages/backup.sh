#!/bin/sh
# Backs up Redis pages in home: a snapshot of all keys, from a replica where one is in sync, uploaded as a set whose manifest
# comes last: a set without manifest.json is no backup.
set -eu
umask 077
LC_ALL=C
export LC_ALL

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

taken=$(date -u +%Y%m%dT%H%M%SZ)
set_dir="$work/$taken"
mkdir "$set_dir"

# --- 1. who is the primary now, and which replica has all that it has
look any
owner=$(primary) || fail "the sentinels name no node of roles.md; run bootstrap.sh --plan"
source=$owner
awk -v name="$owner" '$1 != name && $2 == "replica" && $5 == "up" && $6 == 0 { print $1 }' "$work/state" >"$work/replicas"
while read -r replica; do source=$replica; done <"$work/replicas"
[ "$source" != "$owner" ] || [ "$(info "$owner" replication role)" = master ] || fail "$owner is no primary yet"
printf '0 %s 0-16383\n' "$source" >"$work/sources"

# --- 2. all shards at once
dump() {
  timeout 3600 redis-cli -e -h "$(field "$2" 2)" -p "$(field "$2" 3)" --user operator --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key --rdb "$set_dir/shard-$1.rdb" </dev/null >"$work/dump-$1" 2>&1 ||
    { cat "$work/dump-$1" >&2; return 1; }
}
pids=
while read -r shard source slots; do
  say "shard $shard: snapshot of $source"
  dump "$shard" "$source" &
  pids="$pids $!"
done <"$work/sources"
for pid in $pids; do wait "$pid" || fail "a shard could not be read: no backup"; done

{
  printf '{"cluster": "%s", "region": "%s", "taken": "%s", "shards": [' pages home "$taken"
  comma=
  while read -r shard source slots; do
    file="$set_dir/shard-$shard.rdb"
    # A whole file begins with REDIS and ends with its checksum.
    [ "$(head -c 5 "$file")" = REDIS ] || fail "shard $shard: not a snapshot"
    if command -v redis-check-rdb >/dev/null; then redis-check-rdb "$file" >"$work/checked" || fail "shard $shard: $(tail -n 3 "$work/checked")"; fi
    printf '%s\n  {"shard": %s, "slots": "%s", "node": "%s", "file": "shard-%s.rdb", "bytes": %s, "sha256": "%s"}' \
      "$comma" "$shard" "$slots" "$source" "$shard" "$(($(wc -c <"$file")))" "$(sha256sum "$file" | cut -d ' ' -f 1)"
    comma=,
  done <"$work/sources"
  printf '\n]}\n'
} >"$work/manifest.json"

# --- 3. to every destination; one that fails does not keep the others from theirs
oldest=$(date -u -d "@$(($(date +%s) - 172800))" +%Y%m%dT%H%M%SZ)
failed=0

# disk: a directory
upload_1() (
  set -eu
  BACKUP_PASSPHRASE=$BACKUP_1_BACKUP_PASSPHRASE
  export BACKUP_PASSPHRASE
  to=disk
  base=/srv/redis-backup/redis/cache/home/pages
  object() {
    mkdir -p "$(dirname "$base/$2")"
    # Under its final name only when it is whole and on disk.
    cp "$1" "$base/$2.part"
    sync "$base/$2.part"
    mv "$base/$2.part" "$base/$2"
  }
  sets() { find "$base" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*T[0-9]*Z' -exec basename {} \;; }
  whole() { [ -f "$base/$1/manifest.json" ]; }
  remove() { rm -rf "${base:?}/${1:?}"; }
  while read -r shard rest; do
    file="$set_dir/shard-$shard.rdb"
    openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -salt -pass env:BACKUP_PASSPHRASE -in "$file" -out "$work/encrypted"
    object "$work/encrypted" "$taken/shard-$shard.rdb.enc"
  done <"$work/sources"
  object "$work/manifest.json" "$taken/manifest.json"
  say "$to: $taken is complete"
  # Old sets go, but never one of the newest three that are complete (R-BK-05).
  sets | grep -E '^[0-9]{8}T[0-9]{6}Z$' | sort -r >"$work/sets"
  kept=0
  while read -r each; do
    if [ "$kept" -lt 3 ]; then
      if whole "$each"; then kept=$((kept + 1)); fi
    elif expr "$each" '<' "$oldest" >/dev/null; then
      say "$to: removes $each"
      remove "$each"
    fi
  done <"$work/sets"
)
# In the background: there an error still ends it (`f || …` would not).
upload_1 &
wait "$!" || {
  echo 'disk: FAILED' >&2
  failed=$((failed + 1))
}
[ "$failed" = 0 ] || fail "$failed of 1 destinations failed"
say "done: $taken, 1 destinations"
