#!/bin/sh
# Forms the Redis Cluster sessions in east exactly as it is declared (roles.md), and repairs it towards that: a node that came
# back empty rejoins as a replica of its shard.
#
#   bootstrap.sh          does it, shows every command that changes something
#   bootstrap.sh --plan   only shows them
#   bootstrap.sh --replace-lost-shard SHARD [--plan]
#                         the same, after a shard has lost every copy and its nodes have started empty: the others forget
#                         the lost ones, and the declared nodes take the slots. WHAT THE SHARD HELD IS GIVEN UP. Where several
#                         shards are lost the option stands several times.
#
# It may be run again at any time: what is as declared is left alone. It never moves a slot, never deletes a key, and changes
# nothing at all when what is there is not a part of the declared layout (exit 3) or a node does not answer (exit 1).
set -eu
umask 077
LC_ALL=C
export LC_ALL

plan=no
replace=
while [ $# -gt 0 ]; do
  case $1 in
  --plan) plan=yes ;;
  --replace-lost-shard)
    replace="$replace ${2:-}"
    case ${2:-} in
    '' | *[!0-9]* | 0?*) replace=usage ;;
    esac
    [ $# -lt 2 ] || shift
    ;;
  *) replace=usage ;;
  esac
  shift
  if [ "$replace" = usage ]; then
    echo "usage: ${0##*/} [--replace-lost-shard SHARD]... [--plan]" >&2
    exit 2
  fi
done

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

refused=no
refuse() {
  printf 'refused: %s\n' "$*" >&2
  refused=yes
}

# change NAME COMMAND…: shows a command, and runs it unless this is a plan.
changes=0
change() {
  changes=$((changes + 1))
  say "  $1: $(shift && echo "$*")"
  if [ "$plan" = no ]; then on "$@" >"$work/reply" || fail "$1 answered: $(cat "$work/reply")"; fi
}

answers() { [ "$(on "$1" ping)" = PONG ] || { echo "$1 at $(field "$1" 2):$(field "$1" 3) does not answer"; return 1; } >&2; }

# --- 1. every node answers; without all of them nobody can say what the cluster is
while read -r name rest; do
  until_true "$name does not answer" answers "$name"
done <"$work/layout"
look all || fail "a node stopped answering"

# --- 2. is what is there a part of what is declared? Nothing is changed before that is certain.
# A shard that is given up: its nodes are there, empty and alone; and whoever holds its slots, exactly them, is gone in the eyes of
# every node. A copy that is still there is taken by a failover, never by this.
: >"$work/lost"
for shard in $replace; do
  awk -v shard="$shard" '$6 == shard' "$work/state" >"$work/members"
  [ -s "$work/members" ] || fail "there is no shard $shard (roles.md)"
  while read -r name id role primary slots rest; do
    if [ "$slots" != - ] || [ "$role" != primary ]; then
      refuse "shard $shard is not lost: $name $(if [ "$slots" != - ]; then echo "holds the slots $slots"; else echo "follows $primary"; fi)"
    fi
  done <"$work/members"
  # With it everybody is forgotten who is as gone and holds nothing: its former replicas.
  awk -v slots="$(awk 'NR == 1 { print $NF }' "$work/members")" '
    FNR == NR { declared[$2] = 1; next }
    !($2 in declared) {
      seen[$2] = 1
      if ($3 !~ /fail|noaddr/ || $5 != "-" && $5 != slots) keep[$2] = 1
    }
    END { for (id in seen) if (!(id in keep)) print id }' "$work/state" "$work/views" >>"$work/lost"
done
# Nodes that nobody declared: one that holds slots or is alive means another layout.
awk '
  FNR == NR { declared[$2] = 1; next }
  !($2 in declared) && $3 !~ /handshake/ {
    if ($5 != "-") print "slots", $2, $5; else if ($3 ~ /fail|noaddr/) print "gone", $2, "-"; else print "alive", $2, $1
  }' "$work/state" "$work/views" | sort -u >"$work/strangers"
while read -r kind id what; do
  if grep -qx "$id" "$work/lost"; then continue; fi
  case $kind in
  slots) refuse "slots $what belong to node $id, which is not declared" ;;
  alive) refuse "node $id, which $what knows, is not declared" ;;
  gone) say "note: node $id is gone but still remembered; CLUSTER FORGET $id on every node removes it" ;;
  esac
done <"$work/strangers"

# Each shard: at most one owner, with exactly the declared slots; the others follow it or are empty.
: >"$work/owners"
: >"$work/joins"
awk '{ print $5 + 0 }' "$work/layout" | sort -nu >"$work/shards"
while read -r shard; do
  awk -v shard="$shard" '$6 == shard' "$work/state" >"$work/members"
  owner=
  owner_id=
  while read -r name id role primary slots rest; do
    [ "$slots" != - ] || continue
    own=${rest##* }
    if [ "$slots" != "$own" ]; then refuse "$name holds the slots $slots; declared for shard $shard: $own"; fi
    if [ -n "$owner" ]; then refuse "shard $shard has two owners: $owner and $name"; fi
    owner=$name
    owner_id=$id
  done <"$work/members"
  while read -r name id role primary slots rest; do
    [ "$slots" = - ] || continue
    if [ "$role" = replica ]; then
      of=$(awk -v id="$primary" '$2 == id { print $6 }' "$work/state")
      if [ -z "$owner" ]; then
        refuse "$name follows $primary, but nobody holds the slots of shard $shard"
      elif [ -n "$of" ] && [ "$of" != "$shard" ]; then
        refuse "$name follows a node of shard $of; declared: shard $shard"
      fi
      [ "$primary" = "$owner_id" ] || printf '%s %s\n' "$name" "$shard" >>"$work/joins"
    else
      keys=$(on "$name" dbsize) || fail "$name stopped answering"
      if [ "$keys" != 0 ]; then refuse "$name holds $keys keys but no slots"; fi
      printf '%s %s\n' "$name" "$shard" >>"$work/joins"
    fi
  done <"$work/members"
  printf '%s %s\n' "$shard" "${owner:--}" >>"$work/owners"
done <"$work/shards"
if [ "$refused" = yes ]; then
  echo "Nothing was changed: what is there is not the declared layout. To move slots or nodes, use redis-cli --cluster reshard, or change the blueprint; a shard that lost every copy: README.md." >&2
  table >&2
  exit 3
fi

# --- 3. slots for the declared primaries of shards that nobody holds
# First the others forget who held them: within a minute on all nodes, or one that has not would remind them (CLUSTER FORGET).
sort -u "$work/lost" >"$work/forget"
while read -r lost; do
  awk -v id="$lost" '$2 == id { print $1 }' "$work/views" >"$work/reminded"
  while read -r name; do
    change "$name" cluster forget "$lost"
  done <"$work/reminded"
done <"$work/forget"
# Should a lost node come back after all, its claim to the slots must be the older one: their new owner's epoch is the highest.
highest=0
if [ -n "$replace" ]; then
  while read -r name rest; do
    epoch=$(info "$name" cluster cluster_current_epoch)
    if [ "$epoch" -gt "$highest" ]; then highest=$epoch; fi
  done <"$work/layout"
fi
while read -r shard owner; do
  [ "$owner" = - ] || continue
  primary=$(awk -v shard="$shard" '$5 == shard && $6 == 0 { print $1 }' "$work/layout")
  known=$(awk -v name="$primary" '$1 == name' "$work/views" | wc -l)
  if [ "$((known))" -eq 1 ] && [ "$(info "$primary" cluster cluster_my_epoch)" = 0 ]; then
    # Different epochs from the start: no conflict has to be settled later.
    change "$primary" cluster set-config-epoch $((highest + shard + 1))
  fi
  change "$primary" cluster addslotsrange "$(field "$primary" 7)" "$(field "$primary" 8)"
done <"$work/owners"

# --- 4. every node knows every other
hub=$(awk 'NR == 1 { print $1 }' "$work/layout")
hub_id=$(awk -v name="$hub" '$1 == name { print $2 }' "$work/state")
while read -r name id rest; do
  [ "$name" != "$hub" ] || continue
  if ! awk -v a="$hub" -v b="$id" -v c="$name" -v d="$hub_id" '
    ($1 == a && $2 == b || $1 == c && $2 == d) && $3 !~ /handshake|noaddr/ { seen++ } END { exit seen != 2 }' "$work/views"; then
    ip=$(address "$name")
    [ -n "$ip" ] || fail "the name $(field "$name" 2) has no address"
    change "$hub" cluster meet "$ip" "$(field "$name" 3)" "$(field "$name" 4)"
  fi
done <"$work/state"

acquainted() {
  look all || return 1
  count=$(wc -l <"$work/state")
  awk -v count="$((count))" '
    FNR == NR { declared[$2] = 1; next }
    ($2 in declared) && $3 !~ /handshake/ { known[$1]++ }
    END { for (name in known) if (known[name] != count) { print name " knows " known[name] " of " count; exit 1 } }
  ' "$work/state" "$work/views" >&2
}
if [ "$changes" -gt 0 ] && [ "$plan" = no ]; then until_true "not every node knows every other" acquainted; fi

# --- 5. replicas
while read -r name shard; do
  owner=$(awk -v shard="$shard" '$1 == shard { print $2 }' "$work/owners")
  if [ "$owner" = - ]; then owner=$(awk -v shard="$shard" '$5 == shard && $6 == 0 { print $1 }' "$work/layout"); fi
  [ "$name" != "$owner" ] || continue
  owner_id=$(awk -v name="$owner" '$1 == name { print $2 }' "$work/state")
  # A node learns of the other's slots a moment after it has met it.
  change "$name" cluster replicate "$owner_id"
done <"$work/joins"

if [ "$plan" = yes ]; then
  if [ "$changes" = 0 ]; then say "nothing to do"; else say "plan: $changes commands; nothing was changed"; fi
  exit 0
fi

# --- 6. it works: every node says so, every replica has its copy
works() {
  while read -r name rest; do
    [ "$(info "$name" cluster cluster_state)" = ok ] || { echo "$name: cluster_state is not ok" >&2; return 1; }
    [ "$(info "$name" cluster cluster_slots_ok)" = 16384 ] || { echo "$name: not all slots are served" >&2; return 1; }
    if [ "$(info "$name" replication role)" = slave ]; then
      [ "$(info "$name" replication master_link_status)" = up ] || { echo "$name: no link to its primary" >&2; return 1; }
    fi
  done <"$work/layout"
}
until_true "the cluster does not work yet" works
as_declared() {
  look all || return 1
  # In the eyes of every node, every member of a shard follows its owner.
  awk '
    FNR == NR { shard[$2] = $6; name[$2] = $1; if ($5 != "-") owner[$6] = $2; next }
    ($2 in shard) && $2 != owner[shard[$2]] && $4 != owner[shard[$2]] {
      print $1 ": " name[$2] " does not follow the owner of its shard"; exit 1 }
    ($2 in shard) && $2 == owner[shard[$2]] && $5 == "-" { print $1 ": " name[$2] " has no slots yet"; exit 1 }
  ' "$work/state" "$work/views" >&2
}
until_true "the layout is not the declared one" as_declared
table
if [ "$changes" = 0 ]; then say "nothing to do: all is as declared"; else say "done: $changes commands"; fi
if awk '($7 == 0) != ($3 == "primary") { found = 1 } END { exit !found }' "$work/state"; then
  say "note: some roles differ since a failover; failback.sh restores the declared ones"
fi
