#!/bin/sh
# Looks whether Redis pages in home is what is declared (roles.md), and brings the sentinels' settings there while they run. The nodes
# find their roles themselves (start.sh asks the sentinels), so there is nothing to form.
#
#   bootstrap.sh          does it, shows every command that changes something
#   bootstrap.sh --plan   only shows them
#   bootstrap.sh --forget-lost [--plan]
#                         the same, after EVERY copy was lost and no node runs: the sentinels forget the replicas that they
#                         knew, so that the node that they name starts empty. WHAT REDIS HELD IS GIVEN UP; to bring a
#                         snapshot back, restore.sh comes next (README.md).
#
# It may be run again at any time. It changes nothing at all when what is there is not the declared set (exit 3) or does not
# answer (exit 1), never changes a role and never deletes a key.
set -eu
umask 077
LC_ALL=C
export LC_ALL

plan=no
forget=no
for option in "$@"; do
  case $option in
  --plan) plan=yes ;;
  --forget-lost) forget=yes ;;
  *)
    echo "usage: ${0##*/} [--forget-lost] [--plan]" >&2
    exit 2
    ;;
  esac
done

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

refused=no
refuse() {
  printf 'refused: %s\n' "$*" >&2
  refused=yes
}
stop_if_refused() {
  [ "$refused" = yes ] || return 0
  echo "Nothing was changed." >&2
  exit 3
}

# change SENTINEL COMMAND…: shows a command, and runs it unless this is a plan.
changes=0
change() {
  changes=$((changes + 1))
  say "  $1: $(shift && echo "$*")"
  if [ "$plan" = no ]; then watch "$@" >"$work/reply" || fail "$1 answered: $(cat "$work/reply")"; fi
}

answers() { [ "$(on "$1" ping 2>/dev/null)" = PONG ] || { echo "$1 at $(field "$1" 2):$(field "$1" 3) does not answer"; return 1; } >&2; }
watches() { [ "$(watch "$1" ping 2>/dev/null)" = PONG ] || { echo "sentinel $1 does not answer"; return 1; } >&2; }

# --- 1. every sentinel answers, and knows this store by one of its nodes
while read -r name rest; do
  until_true "sentinel $name does not answer" watches "$name"
done <"$work/sentinels"
while read -r name rest; do
  host=$(seen "$name" ip)
  port=$(seen "$name" port)
  if [ -z "$host" ]; then
    refuse "sentinel $name does not watch $store"
  elif [ -z "$(called "$host" "$port")" ]; then
    refuse "sentinel $name watches $host:$port, which is not declared"
  fi
done <"$work/sentinels"
stop_if_refused

if [ "$forget" = yes ]; then
  while read -r name rest; do
    # Any answer counts, that of a node that loads its data or refuses the login too.
    if timeout 10 redis-cli -h "$(field "$name" 2)" -p "$(field "$name" 3)" --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key ping </dev/null >/dev/null 2>&1; then refuse "$name answers: a copy is still there, and is taken by a failover, never by this"; fi
  done <"$work/layout"
  stop_if_refused
  while read -r name rest; do change "$name" sentinel reset "$store"; done <"$work/sentinels"
  if [ "$plan" = yes ]; then say "plan: $changes commands; nothing was changed"; else say "the sentinels have forgotten the replicas: start the nodes, or run restore.sh first"; fi
  exit 0
fi

# --- 2. every node answers, and belongs to this set
while read -r name rest; do
  until_true "$name does not answer" answers "$name"
done <"$work/layout"
agreed() {
  look all || return 1
  [ "$(awk '{ print $3, $4 }' "$work/named" | sort -u | wc -l)" -eq 1 ] || { echo "the sentinels name different primaries" >&2; return 1; }
}
until_true "the sentinels do not agree" agreed
owner=$(primary) || fail "the sentinels name no node"
while read -r name role host port rest; do
  if [ "$role" = primary ] && [ "$name" != "$owner" ]; then
    # One that was a replica is made one again by Sentinel. What no sentinel knows is other data.
    watch "$(awk 'NR == 1 { print $1 }' "$work/sentinels")" sentinel replicas "$store" | tr -d '\r' >"$work/replicas"
    if ! awk -v host="$(field "$name" 2)" -v port="$(field "$name" 3)" '
      NR % 2 { key = $0; next } key == "ip" { ip = $0 } key == "port" && ip == host && $0 == port { found = 1 } END { exit !found }' "$work/replicas"; then
      keys=$(on "$name" dbsize) || fail "$name stopped answering"
      refuse "$name is a primary of its own with $keys keys, and no replica of $owner"
    fi
  elif [ "$role" = replica ] && [ -z "$(called "$host" "$port")" ]; then
    refuse "$name follows $host:$port, which is not declared"
  fi
done <"$work/state"
if [ "$refused" = yes ]; then table >&2; fi
stop_if_refused

# --- 3. the sentinels' settings
setting() {
  now=$(seen "$1" "$2")
  [ "$now" = "$3" ] || change "$1" sentinel set "$store" "$2" "$3"
}
while read -r name rest; do
  setting "$name" quorum 2
  setting "$name" down-after-milliseconds 5000
  setting "$name" failover-timeout 10000
  setting "$name" parallel-syncs 1
  known=$(seen "$name" num-slaves)
  others=$(seen "$name" num-other-sentinels)
  if [ "$known" -gt $(($(wc -l <"$work/layout") - 1)) ] || [ "$others" -gt $(($(wc -l <"$work/sentinels") - 1)) ]; then
    say "note: $name remembers nodes or sentinels that are not declared; SENTINEL RESET $store on one sentinel after another, half a minute apart, forgets them"
  fi
done <"$work/sentinels"
if [ "$plan" = yes ]; then
  if [ "$changes" = 0 ]; then say "nothing to do"; else say "plan: $changes commands; nothing was changed"; fi
  exit 0
fi

# --- 4. it works: one primary, every replica has its copy, every sentinel sees a quorum and all others
works() {
  look all || return 1
  owner=$(primary) || return 1
  awk -v owner="$owner" -v host="$(field "$owner" 2)" -v port="$(field "$owner" 3)" '
    $1 == owner && $2 != "primary" { print owner " is not the primary yet"; exit 1 }
    $1 != owner && ($2 == "primary" || $3 != host || $4 != port) { print $1 " does not follow " owner; exit 1 }
    $1 != owner && ($5 != "up" || $6 != 0) { print $1 " has no link to " owner " or still copies"; exit 1 }' "$work/state" >&2 || return 1
  while read -r name _ host port known others; do
    [ "$(called "$host" "$port")" = "$owner" ] || { echo "sentinel $name does not name $owner" >&2; return 1; }
    [ "$known" -ge $(($(wc -l <"$work/layout") - 1)) ] || { echo "sentinel $name knows $known replicas" >&2; return 1; }
    [ "$others" -ge $(($(wc -l <"$work/sentinels") - 1)) ] || { echo "sentinel $name knows $others other sentinels" >&2; return 1; }
    watch "$name" sentinel ckquorum "$store" >"$work/quorum" 2>&1 || { echo "sentinel $name: $(cat "$work/quorum")" >&2; return 1; }
  done <"$work/named"
}
until_true "it does not work yet" works
table
if [ "$changes" = 0 ]; then say "nothing to do: all is as declared"; else say "done: $changes commands"; fi
if [ "$(field "$owner" 6)" != 0 ]; then say "note: $owner is the primary since a failover; failback.sh restores the declared one"; fi
