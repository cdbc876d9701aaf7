#!/bin/sh
# Makes the declared node (roles.md) the primary of Redis pages in home again, without losing a write that was acknowledged.
#
#   failback.sh          does it
#   failback.sh --plan   only shows what it would do
#
# Sentinel carries the failover out; it chooses the replica with the lowest priority, so the declared one gets a lower one for that time.
# Writes wait on the old primary until it follows the new one (CLIENT PAUSE, about 2 s, at most 5000 ms): Sentinel itself would let it take
# writes for some ten seconds more, which would then be lost. What cannot be checked is left as it is, with exit status 1.
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

target=$(awk '$6 == 0 { print $1 }' "$work/layout")

# --- 1. all of it answers and agrees: a failback that is in a hurry is a failover
look all || fail "not every node and sentinel answers; left as it is"
[ "$(awk '{ print $3, $4 }' "$work/named" | sort -u | wc -l)" -eq 1 ] || fail "the sentinels name different primaries; left as it is"
owner=$(primary) || fail "the sentinels name no node of roles.md; left as it is"
[ "$(info "$owner" replication role)" = master ] || fail "$owner is named, and is no primary yet; left as it is"
if [ "$owner" = "$target" ]; then
  say "$target is the primary, as declared"
  exit 0
fi
asked=$(awk 'NR == 1 { print $1 }' "$work/sentinels")
watch "$asked" sentinel ckquorum "$store" >"$work/reply" 2>&1 || fail "$(cat "$work/reply"); left as it is"

# in_sync: the declared node copies from the primary, with nothing outstanding.
in_sync() {
  [ "$(info "$target" replication master_host):$(info "$target" replication master_port)" = "$(field "$owner" 2):$(field "$owner" 3)" ] || { echo "$target does not follow $owner" >&2; return 1; }
  [ "$(info "$target" replication master_link_status)" = up ] || { echo "$target: no link to its primary" >&2; return 1; }
  [ "$(info "$target" replication master_sync_in_progress)" = 0 ] || { echo "$target: still copies from its primary" >&2; return 1; }
}
until_true "$target is not in sync" in_sync
say "$target takes over from $owner"
say "  $asked: sentinel failover $store"
if [ "$plan" = yes ]; then exit 0; fi

# --- 2. Sentinel chooses the declared node: only its priority is below the others'
before=$(on "$target" config get replica-priority | tail -n 1)
paused=no
restore() {
  on "$target" config set replica-priority "$before" >/dev/null 2>&1 || true
  if [ "$paused" = yes ]; then on "$owner" client unpause >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap restore EXIT
on "$target" config set replica-priority 1 >/dev/null
preferred() {
  watch "$asked" sentinel replicas "$store" | tr -d '\r' | awk -v host="$(field "$target" 2)" -v port="$(field "$target" 3)" '
    NR % 2 { key = $0; next } key == "ip" { ip = $0 } key == "port" { number = $0 }
    key == "slave-priority" && ip == host && number == port && $0 == 1 { found = 1 } END { exit !found }' ||
    { echo "sentinel $asked has not seen the priority of $target (it asks every ten seconds)" >&2; return 1; }
}
until_true "$target is not preferred" preferred
in_sync || fail "$target fell behind; left as it is"

# --- 3. no write between the last byte that the declared node has and its promotion
on "$owner" client pause 5000 write >/dev/null
paused=yes
level() { [ "$(info "$owner" replication master_repl_offset)" -le "$(info "$target" replication slave_repl_offset)" ]; }
tries=0
until level; do
  tries=$((tries + 1))
  [ "$tries" -lt 20 ] || fail "$target does not catch up; left as it is"
  sleep 0.1
done
watch "$asked" sentinel failover "$store" >"$work/reply" 2>&1 || fail "$asked answered: $(cat "$work/reply"); left as it is"
is_primary() { [ "$(info "$target" replication role)" = master ]; }
tries=0
until is_primary; do
  tries=$((tries + 1))
  # The others see a failover that does not end and give it up by themselves.
  [ "$tries" -lt 300 ] || fail "$target was not promoted"
  # Held for as long as it takes.
  [ $((tries % 10)) -ne 0 ] || on "$owner" client pause 5000 write >/dev/null 2>&1 || true
  sleep 0.1
done
on "$owner" replicaof "$(field "$target" 2)" "$(field "$target" 3)" >/dev/null
on "$owner" client kill type normal skipme yes >/dev/null || true

# --- 4. everybody follows
followed() {
  look all || return 1
  [ "$(primary)" = "$target" ] || { echo "the sentinels do not name $target yet" >&2; return 1; }
  [ "$(awk '{ print $3, $4 }' "$work/named" | sort -u | wc -l)" -eq 1 ] || { echo "not every sentinel names $target yet" >&2; return 1; }
  awk -v owner="$target" -v host="$(field "$target" 2)" -v port="$(field "$target" 3)" '
    $1 != owner && ($2 == "primary" || $3 != host || $4 != port || $5 != "up" || $6 != 0) { print $1 " does not follow " owner " yet"; exit 1 }' "$work/state" >&2
}
until_true "not every node follows $target" followed
say "$target is the primary, as declared"
