#!/bin/sh
# Puts the snapshot of one shard of the Redis Cluster sessions in east into the node that is its primary, and has the replicas copy it.
#
#   restore.sh NODE SET           SET is a directory with manifest.json and the files that it names, decrypted
#   restore.sh --check NODE SET   only says whether it would
#   restore.sh --over NODE SET    although the node holds keys: they are gone then, but for what is moved aside
#   restore.sh --finish NODE SET  where the first run ended with the node that it stopped (in its container): the rest of it
#
# Run it where the data directory of NODE lies (its host, its pod), while the node and the cluster run: one shard after
# another, with services held off. The node is stopped; whatever supervises it starts it again. Meanwhile its replicas are told
# not to take over: they are empty, and would make the shard empty again. Old files are moved aside, never deleted.
# Status 0: the shard has the keys of the snapshot. 1: failed. 2: asked for in a wrong way. 3: refused, nothing was changed.
set -eu
umask 077
LC_ALL=C
export LC_ALL

mode=
case ${1:-} in
--check | --over | --finish)
  mode=$1
  shift
  ;;
esac
[ $# -eq 2 ] || {
  sed -n '4,7s/^# *//p' "$0" >&2
  exit 2
}
node=$1
set_dir=$2

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

refuse() {
  printf '%s: refused: %s\n' "${0##*/}" "$*" >&2
  exit 3
}

# --- 1. what is to be restored
[ -n "$(field "$node" 1)" ] || refuse "$node is no node of this cluster (roles.md)"
shard=$(field "$node" 5)
[ -r "$set_dir/manifest.json" ] || refuse "$set_dir has no manifest.json: what was not completed is no backup"
# One line for each shard, as backup.sh writes it.
line=$(grep "^ *{\"shard\": $shard," "$set_dir/manifest.json") || refuse "the manifest has no shard $shard"
told() { printf '%s\n' "$line" | sed -n "s/.*\"$1\": \"\{0,1\}\([^\",}]*\).*/\1/p"; }
file="$set_dir/$(told file)"
[ -r "$file" ] || refuse "$file is missing; an encrypted one is decrypted first, with what backup.sh encrypts with"
[ "$(sha256sum "$file" | cut -d ' ' -f 1)" = "$(told sha256)" ] || refuse "$file is not what the manifest says (sha256)"

awk -v node="$node" -v shard="$shard" '$5 == shard && $1 != node { print $1 }' "$work/layout" >"$work/replicas"
hold() {
  missed=0
  while read -r replica; do
    on "$replica" config set cluster-replica-no-failover "$1" >/dev/null || {
      say "$replica: cluster-replica-no-failover $1 could not be set" >&2
      missed=1
    }
  done <"$work/replicas"
  return "$missed"
}
# From the moment when the node is stopped the hold outlives a failure: an empty replica that takes over would be the end of it.
release=no
at_exit() {
  if [ "$release" = yes ]; then hold no || true; fi
  rm -rf "$work"
}
trap at_exit EXIT
run_id=none
# Who the node was when its files were exchanged: as long as it is the same, it was not stopped, and holds what it held.
begun() {
  data=$(on "$node" config get dir | sed -n 2p)
  [ -n "$data" ] || { echo "$node does not answer" >&2; return 1; }
}
finish() {
  say "until this ends well, its replicas may not take over; if it does not: restore.sh --finish $node $set_dir"
  until_true "$node to come back with the snapshot" loaded
  [ "$(info "$node" replication role)" = master ] || fail "$node came back as a replica: another node has taken over; its old files are beside its data"
  say "shard $shard: $(on "$node" dbsize) keys"
  until_true 'the replicas to copy it' copied
  release=yes
  rm -f "$data/restore.run"
  say "done: shard $shard"
}
loaded() {
  now=$(info "$node" server run_id) && [ -n "$now" ] && [ "$now" != "$run_id" ] && [ "$(info "$node" persistence loading)" = 0 ]
}
copied() {
  [ "$(info "$node" cluster cluster_state)" = ok ] || { echo "cluster_state of $node is not ok yet" >&2; return 1; }
  while read -r replica; do
    if [ "$(info "$replica" replication master_link_status)" != up ] || [ "$(on "$replica" dbsize)" != "$(on "$node" dbsize)" ]; then
      echo "$replica has not copied it yet" >&2
      return 1
    fi
  done <"$work/replicas"
}
if [ "$mode" = --finish ]; then
  until_true "$node to answer" begun
  run_id=$(cat "$data/restore.run" 2>/dev/null) || refuse "nothing was begun in $data here, or it has ended well: run this where the data of $node lies"
  [ "$(info "$node" server run_id)" != "$run_id" ] || refuse "$node still runs as before: it was not stopped, and holds its old keys. Begin anew: restore.sh --over $node $set_dir"
  finish
  exit 0
fi

# --- 2. where it goes
role=$(info "$node" replication role) || refuse "$node does not answer"
[ "$role" = master ] || refuse "$node is a replica now; the primary of its shard takes the snapshot (failback.sh, or its name)"
slots=$(on "$node" cluster nodes | awk '$3 ~ /myself/ { for (i = 9; i <= NF; i++) printf "%s%s", (i == 9 ? "" : ","), $i }')
[ "$slots" = "$(told slots)" ] || refuse "$node holds the slots $slots, the snapshot those of $(told slots): run bootstrap.sh first"
keys=$(on "$node" dbsize)
[ "$keys" = 0 ] || [ "$mode" = --over ] || refuse "$node holds $keys keys; --over gives them up"
data=$(on "$node" config get dir | sed -n 2p)
[ -w "$data/." ] || refuse "$data cannot be written here: run this where the data of $node lies"
[ "$(sed -n 's/^\([0-9a-f]*\) [^ ]* [^ ]*myself.*/\1/p' "$data/nodes.conf" 2>/dev/null)" = "$(on "$node" cluster myid)" ] ||
  refuse "$data is not the directory of $node: run this where its data lies"
while read -r replica; do
  on "$replica" ping >/dev/null 2>&1 || refuse "$replica does not answer: it could take over, empty, when it comes back"
done <"$work/replicas"
say "shard $shard: $(told bytes) bytes of $(told node), into $node ($data)"
[ "$mode" != --check ] || exit 0

# --- 3. nobody takes over meanwhile
release=yes
hold yes || refuse 'not every replica can be held back; nothing was changed'

# --- 4. the files, in their places before the node stops
stamp=$(date -u +%Y%m%dT%H%M%SZ)
run_id=$(info "$node" server run_id)
printf '%s\n' "$run_id" >"$data/restore.run"
# The append-only file begins with the snapshot: a dump.rdb beside one is not read.
rm -rf "$data/appendonlydir.new"
mkdir "$data/appendonlydir.new"
cp "$file" "$data/appendonlydir.new/appendonly.aof.1.base.rdb"
echo 'file appendonly.aof.1.base.rdb seq 1 type b' >"$data/appendonlydir.new/appendonly.aof.manifest"
[ "$(id -u)" != 0 ] || chown -R --reference="$data" "$data/appendonlydir.new"
[ ! -d "$data/appendonlydir" ] || mv "$data/appendonlydir" "$data/appendonlydir.$stamp"
mv "$data/appendonlydir.new" "$data/appendonlydir"
sync
release=no
on "$node" shutdown nosave >"$work/said" 2>&1 || true
if [ "$(info "$node" server run_id 2>/dev/null)" = "$run_id" ]; then
  mv "$data/appendonlydir" "$data/appendonlydir.new"
  [ ! -d "$data/appendonlydir.$stamp" ] || mv "$data/appendonlydir.$stamp" "$data/appendonlydir"
  rm -f "$data/restore.run"
  release=yes
  fail "$node does not stop ($(cat "$work/said")); its files are as they were"
fi
say "$node is stopped; waits until it is started again, by what supervises it or by you"
finish
say "what was there before: $data/*.$stamp"
