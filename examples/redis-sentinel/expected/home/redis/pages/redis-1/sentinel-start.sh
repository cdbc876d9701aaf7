#!/bin/sh
# Starts sentinel redis-1 of Redis pages with what it knew when it stopped. sentinel.conf is not written to: the copy in /var/lib/redis/sentinel-state.conf
# is, and it is made anew at every start from sentinel.conf and from what Sentinel learned: the primary, its replicas, the other
# sentinels, the epochs. So a changed sentinel.conf counts from the next start, and undoes no failover.
#
# After a lost disk it asks the other sentinels for the primary of today and for its replicas: one that knew no replica could be
# elected to carry out a failover, and could not.
set -eu
umask 077
LC_ALL=C
export LC_ALL
state=/var/lib/redis/sentinel-state.conf
config=/etc/redis/sentinel.conf
store=pages

monitor=
kept=
if [ -s "$state" ]; then
  monitor=$(awk -v store="$store" '$1 == "sentinel" && $2 == "monitor" && $3 == store { print $4, $5 }' "$state")
  kept=$(awk -v store="$store" '
    $1 == "sentinel" && ($2 == "current-epoch" || $3 == store && $2 ~ /^(config-epoch|leader-epoch|known-replica|known-sentinel)$/)' "$state")
fi

# ask HOST PORT COMMAND…: a command on another sentinel.
ask() {
  at=$1
  number=$2
  shift 2
  timeout 3 redis-cli -h "$at" -p "$number" --user sentinel --tls --cacert /etc/redis/tls/ca.crt --cert /etc/redis/tls/tls.crt --key /etc/redis/tls/tls.key "$@" </dev/null 2>/dev/null | tr -d '\r'
}
# What each of the others says: epoch host port, and who said it.
asked() {
  while read -r host port; do
    ask "$host" "$port" sentinel master "$store" | awk -v from="$host $port" '
      NR % 2 { key = $0; next } { value[key] = $0 }
      END { if (value["ip"] != "") print value["config-epoch"] + 0, value["ip"], value["port"], from }'
  done <<SENTINELS
10.0.2.41 26379
10.0.3.41 26379
SENTINELS
}
if [ -z "$monitor" ]; then
  REDISCLI_AUTH=$(cat /etc/redis/sentinel-password)
  export REDISCLI_AUTH
  monitor='10.0.1.41 6379'
  said=$(asked | sort -n | tail -n 1)
  if [ -n "$said" ]; then
    read -r _ host port from number <<SAID
$said
SAID
    monitor="$host $port"
    kept=$(ask "$from" "$number" sentinel replicas "$store" | awk -v store="$store" '
      NR % 2 { key = $0; next } key == "ip" { ip = $0 } key == "port" { print "sentinel known-replica", store, ip, $0 }')
  fi
  unset REDISCLI_AUTH
fi

{
  echo "# Made by sentinel-start.sh at every start, written by Sentinel: nothing to be kept by hand."
  grep -v -e '^#' -e '^$' -e '^sentinel monitor ' "$config"
  echo "sentinel monitor $store $monitor 2"
  if [ -n "$kept" ]; then printf '%s\n' "$kept"; fi
} >"$state.new"
mv "$state.new" "$state"
exec redis-server "$state" --sentinel "$@"
