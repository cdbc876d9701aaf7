#!/bin/sh
# Gives the primaries of the Redis Cluster sessions in east back to the nodes that are declared for it (roles.md), one shard after
# another, without losing a write: CLUSTER FAILOVER stops the old primary for the moment of the change (about 0.2 s, measured).
#
# Run it when a zone is back: until then the primaries stand so close together that the next loss may stop the cluster (R-RD-06).
#
#   failback.sh          does it
#   failback.sh --plan   only shows what it would do
#
# A shard whose declared primary is not reachable or not in sync is left as it is, and the exit status is 1.
set -eu
umask 077
LC_ALL=C
export LC_ALL

plan=no
case ${1:-} in
'') ;;
--plan) plan=yes ;;
*)
  echo "usage: ${0##*/} [--plan]" >&2
  exit 2
  ;;
esac

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

# in_sync NAME: it has a copy of all that its primary has.
in_sync() {
  [ "$(info "$1" replication master_link_status)" = up ] || { echo "$1: no link to its primary" >&2; return 1; }
  [ "$(info "$1" replication master_sync_in_progress)" = 0 ] || { echo "$1: still copies from its primary" >&2; return 1; }
  [ "$(info "$1" cluster cluster_state)" = ok ] || { echo "$1: cluster_state is not ok" >&2; return 1; }
}
is_primary() { [ "$(info "$1" replication role)" = master ]; }

# followed NAME SHARD: the other nodes of the shard that answer follow it.
followed() {
  id=$(on "$1" cluster myid)
  awk -v name="$1" -v shard="$2" '$5 == shard && $1 != name { print $1 }' "$work/layout" >"$work/others"
  while read -r other; do
    on "$other" cluster nodes >"$work/other" 2>/dev/null || continue
    awk -v id="$id" '$3 ~ /myself/ && $4 == id { found = 1 } END { exit !found }' "$work/other" || {
      echo "$other does not follow $1 yet" >&2
      return 1
    }
  done <"$work/others"
}

left=0
awk '$6 == 0 { print $1, $5 }' "$work/layout" >"$work/primaries"
while read -r name shard; do
  if ! role=$(info "$name" replication role 2>/dev/null) || [ -z "$role" ]; then
    say "shard $shard: $name does not answer; left as it is"
    left=$((left + 1))
    continue
  fi
  if [ "$role" = master ]; then
    slots=$(on "$name" cluster nodes | awk '$3 ~ /myself/ { print (NF > 8 ? $9 : "-") }')
    if [ "$slots" = - ]; then
      say "shard $shard: $name is a primary without slots: run bootstrap.sh first"
      left=$((left + 1))
    else
      say "shard $shard: $name is its primary, as declared"
    fi
    continue
  fi
  primary=$(on "$name" cluster nodes | awk '$3 ~ /myself/ { print $4 }')
  ours=no
  awk -v shard="$shard" '$5 == shard { print $1 }' "$work/layout" >"$work/mates"
  while read -r mate; do
    if [ "$(on "$mate" cluster myid 2>/dev/null || true)" = "$primary" ]; then ours=yes; fi
  done <"$work/mates"
  if [ "$ours" = no ]; then
    say "shard $shard: $name follows a node of another shard or one that does not answer; left as it is"
    left=$((left + 1))
    continue
  fi
  say "shard $shard: $name takes over"
  say "  $name: cluster failover"
  [ "$plan" = no ] || continue
  (until_true "$name is not in sync" in_sync "$name") || {
    left=$((left + 1))
    continue
  }
  # A failover by hand gives up after five seconds by itself (CLUSTER_MF_TIMEOUT): ask again, never by force.
  done_=no
  for try in 1 2 3; do
    on "$name" cluster failover >"$work/reply" 2>&1 || say "  try $try: $(cat "$work/reply")"
    if (limit=8 && until_true "$name did not take over" is_primary "$name") 2>"$work/try"; then
      done_=yes
      break
    fi
  done
  if [ "$done_" = yes ]; then
    (until_true "not every replica follows $name" followed "$name" "$shard") || left=$((left + 1))
  else
    say "shard $shard: $(cat "$work/try")"
    left=$((left + 1))
  fi
done <"$work/primaries"

if [ "$left" -gt 0 ]; then fail "$left shards are not as declared"; fi
if [ "$plan" = yes ]; then exit 0; fi
say "all primaries are as declared"
