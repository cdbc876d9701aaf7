#!/bin/sh
# Backs up the Redis Cluster sessions in east: a snapshot of EVERY shard at the same time (one node alone holds a part of the keys,
# R-BK-09), from a replica where one is in sync, uploaded as one set whose manifest comes last: a set without manifest.json is no backup.
set -eu
umask 077
LC_ALL=C
export LC_ALL

# The declared layout: name host port bus shard rank first-slot last-slot zone. Rank 0 is the primary.
layout() {
  printf '%s\n' 'redis-1 10.1.1.31 6379 16379 0 0 0 5460 east-a'
  printf '%s\n' 'redis-2 10.1.2.31 6379 16379 1 0 5461 10921 east-b'
  printf '%s\n' 'redis-3 10.1.3.31 6379 16379 2 0 10922 16383 east-c'
  printf '%s\n' 'redis-5 10.1.2.32 6379 16379 0 1 0 5460 east-b'
  printf '%s\n' 'redis-6 10.1.3.32 6379 16379 1 1 5461 10921 east-c'
  printf '%s\n' 'redis-4 10.1.1.32 6379 16379 2 1 10922 16383 east-a'
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
  timeout 10 redis-cli -e -h "$(field "$at" 2)" -p "$(field "$at" 3)" --user operator --tls --cacert /etc/hagen/redis-tls/ca.crt --cert /etc/hagen/redis-tls/tls.crt --key /etc/hagen/redis-tls/tls.key "$@" </dev/null
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

# look all|any: asks every node for its id and for what it knows; `all` fails at one that does not answer, `any` passes it over.
#   state: name id role primary-id slots ("-" for none) shard rank first-last
#   views: asked-node id flags primary-id slots, a line for each node that each node knows
look() {
  : >"$work/state"
  : >"$work/views"
  while read -r name host port _ shard rank first last zone; do
    if ! on "$name" cluster nodes >"$work/view"; then
      [ "$1" = any ] || return 1
      say "$name does not answer" >&2
      continue
    fi
    awk -v asked="$name" '
      { slots = "-"; for (i = 9; i <= NF; i++) slots = (i == 9 ? "" : slots ",") $i; print asked, $1, $3, $4, slots }
    ' "$work/view" >"$work/lines"
    cat "$work/lines" >>"$work/views"
    own="$first-$last"
    if [ "$first" = "$last" ]; then own=$first; fi
    awk -v name="$name" -v place="$shard $rank $own" '$3 ~ /myself/ {
      print name, $2, ($3 ~ /slave/ ? "replica" : "primary"), $4, $5, place }' "$work/lines" >>"$work/state"
  done <"$work/layout"
}

# table: what is now, beside what is declared.
table() {
  printf '%-6s %-14s %-24s %-14s %-9s %-9s %s\n' shard slots node zone declared now address
  while read -r name host port _ shard rank first last zone; do
    declared=replica
    if [ "$rank" = 0 ]; then declared=primary; fi
    now=$(awk -v name="$name" '$1 == name { print $3 }' "$work/state")
    printf '%-6s %-14s %-24s %-14s %-9s %-9s %s\n' "$shard" "$first-$last" "$name" "$zone" "$declared" "$now" "$host:$port"
  done <"$work/layout"
}

taken=$(date -u +%Y%m%dT%H%M%SZ)
set_dir="$work/$taken"
mkdir "$set_dir"

# --- 1. who holds each shard now
# A node that is away holds no shard that nobody else holds: whether all slots are there is asked below.
look any
awk '{ print $5 }' "$work/layout" | sort -nu >"$work/shards"
: >"$work/sources"
while read -r shard; do
  owner=$(awk -v shard="$shard" '$6 == shard && $5 != "-" { print $1 }' "$work/state")
  [ "$(say "$owner" | wc -w)" -eq 1 ] || fail "shard $shard has no owner; run bootstrap.sh --plan"
  slots=$(awk -v name="$owner" '$1 == name { print $5 }' "$work/state")
  source=$owner
  awk -v shard="$shard" -v owner="$owner" '$6 == shard && $1 != owner { print $1 }' "$work/state" >"$work/replicas"
  while read -r replica; do
    if [ "$(info "$replica" replication master_link_status)" = up ] && [ "$(info "$replica" replication master_sync_in_progress)" = 0 ]; then
      source=$replica
    fi
  done <"$work/replicas"
  printf '%s %s %s\n' "$shard" "$source" "$slots" >>"$work/sources"
done <"$work/shards"
covered=$(awk '{ n = split($3, range, ","); for (i = 1; i <= n; i++) { split(range[i], end, "-"); sum += (end[2] == "" ? 1 : end[2] - end[1] + 1) } } END { print sum + 0 }' "$work/sources")
[ "$covered" -eq 16384 ] || fail "only $covered of 16384 slots are held"

# --- 2. all shards at once
dump() {
  timeout 3600 redis-cli -e -h "$(field "$2" 2)" -p "$(field "$2" 3)" --user operator --tls --cacert /etc/hagen/redis-tls/ca.crt --cert /etc/hagen/redis-tls/tls.crt --key /etc/hagen/redis-tls/tls.key --rdb "$set_dir/shard-$1.rdb" </dev/null >"$work/dump-$1" 2>&1 ||
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
  printf '{"cluster": "%s", "region": "%s", "taken": "%s", "shards": [' sessions east "$taken"
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
oldest=$(date -u -d "@$(($(date +%s) - 604800))" +%Y%m%dT%H%M%SZ)
failed=0

# far: an S3 bucket
upload_1() (
  set -eu
  AWS_ACCESS_KEY_ID=$BACKUP_1_AWS_ACCESS_KEY_ID
  export AWS_ACCESS_KEY_ID
  AWS_SECRET_ACCESS_KEY=$BACKUP_1_AWS_SECRET_ACCESS_KEY
  export AWS_SECRET_ACCESS_KEY
  to=far
  base=s3://orders-backups-west/redis/orders/east/sessions
  object() { aws s3 cp --no-progress --region eu-west-1 --sse aws:kms "$1" "$base/$2"; }
  sets() { aws s3 ls --region eu-west-1 "$base/" | awk '$1 == "PRE" { sub("/", "", $2); print $2 }'; }
  whole() { aws s3 ls --region eu-west-1 "$base/$1/manifest.json" >/dev/null 2>&1; }
  remove() { aws s3 rm --recursive --only-show-errors --region eu-west-1 "$base/$1/"; }
  while read -r shard rest; do
    file="$set_dir/shard-$shard.rdb"
    object "$file" "$taken/shard-$shard.rdb"
  done <"$work/sources"
  object "$work/manifest.json" "$taken/manifest.json"
  say "$to: $taken is complete"
  # Nothing is removed here: the store keeps what is written immutable and removes it by its own rule.
)
# In the background: there an error still ends it (`f || …` would not).
upload_1 &
wait "$!" || {
  echo 'far: FAILED' >&2
  failed=$((failed + 1))
}
[ "$failed" = 0 ] || fail "$failed of 1 destinations failed"
say "done: $taken, 1 destinations"
