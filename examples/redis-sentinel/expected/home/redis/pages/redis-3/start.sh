#!/bin/sh
# Starts Redis node redis-3 of pages in the role that it has NOW. The sentinels know it; redis.conf does not say it, and a restart or a
# new copy of that file undoes no failover.
#
#   start.sh [OPTION…]     options go to redis-server
#
# The role lies in /var/lib/redis/redis-state.conf, which begins with redis.conf and which Redis writes when Sentinel changes the role. It is made anew
# here, so that nothing else of it outlives a start. Without it (a first start, a lost disk) this node starts only when a majority of
# the sentinels answers, and never as an empty primary over replicas that hold the data: they would copy the emptiness (R-RD-23).
set -eu
umask 077
LC_ALL=C
export LC_ALL
state=/var/lib/redis/redis-state.conf
self='10.0.3.41 6379'
REDISCLI_AUTH=$(cat /etc/redis/replica-password)
export REDISCLI_AUTH

# What each sentinel says: epoch host port known-replicas.
asked() {
  while read -r host port; do
    timeout 3 redis-cli -h "$host" -p "$port" --user replica --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key sentinel master pages </dev/null 2>/dev/null | tr -d '\r' | awk '
      NR % 2 { key = $0; next } { value[key] = $0 }
      END { if (value["ip"] != "") print value["config-epoch"] + 0, value["ip"], value["port"], value["num-slaves"] + 0 }'
  done <<SENTINELS
10.0.1.41 26379
10.0.2.41 26379
10.0.3.41 26379
SENTINELS
}
said=$(asked)
answered=$(printf '%s\n' "$said" | awk 'NF { count++ } END { print count + 0 }')
# The latest failover counts; and one sentinel that knows replicas is enough to know that there are some.
primary=$(printf '%s\n' "$said" | sort -n | awk 'END { print $2, $3 }')
replicas=$(printf '%s\n' "$said" | awk '$4 > most { most = $4 } END { print most + 0 }')

if [ "$answered" -ge 2 ]; then
  if [ "$primary" = "$self" ] && [ ! -s "$state" ] && [ "$replicas" -gt 0 ]; then
    echo "start.sh: this node is the primary and has no data, but there are replicas: it waits until one of them has taken over" >&2
    exit 1
  fi
elif [ -s "$state" ]; then
  # Alone, it is what it was: the sentinels correct it when they are back.
  primary=$(awk '$1 == "replicaof" || $1 == "slaveof" { gsub(/"/, ""); found = $2 " " $3 } END { print found }' "$state")
  [ -n "$primary" ] || primary=$self
  echo "start.sh: $answered of 3 sentinels answer: it starts as it was, with the primary $primary" >&2
else
  echo "start.sh: no data, and $answered of 3 sentinels answer, 2 are needed to know the primary" >&2
  exit 1
fi

{
  echo "# Made by start.sh at every start, written by Redis when Sentinel changes the role: nothing to be kept by hand."
  printf 'include %s\n' /etc/redis/redis.conf
  if [ "$primary" != "$self" ]; then echo "replicaof $primary"; fi
} >"$state.new"
mv "$state.new" "$state"
# The server itself needs no login of its own.
unset REDISCLI_AUTH
exec redis-server "$state" "$@"
