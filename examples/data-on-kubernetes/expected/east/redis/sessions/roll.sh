#!/bin/sh
# Brings every pod of the Redis Cluster sessions in east to what is applied, one after another: replicas first, then primaries, each
# only when the one before has its copy. The StatefulSets are `OnDelete`: each holds one node, so nothing else would keep two
# copies of a shard from restarting at once.
#
#   roll.sh          does it
#   roll.sh --plan   only shows which pods are behind
set -eu

plan=no
if [ "${1:-}" = --plan ]; then plan=yes; fi
kube() { kubectl --namespace store "$@"; }
say() { printf '%s\n' "$*"; }

behind=
for node in redis-sessions-0 redis-sessions-1 redis-sessions-2 redis-sessions-3 redis-sessions-4 redis-sessions-5; do
  wanted=$(kube get statefulset "$node" -o 'jsonpath={.status.updateRevision}')
  running=$(kube get pod "$node-0" -o 'jsonpath={.metadata.labels.controller-revision-hash}')
  [ "$wanted" = "$running" ] || behind="$behind $node"
done
if [ -z "$behind" ]; then
  say "every pod is as applied"
  exit 0
fi
say "behind:$behind"
if [ "$plan" = yes ]; then exit 0; fi

synced() { kube exec "$1-0" -c redis -- sh /scripts/probe.sh synced; }
# One node restarts only while all others have their copies. What a bad version broke is not waited for: it is restarted.
broken=
all_synced() {
  for each in redis-sessions-0 redis-sessions-1 redis-sessions-2 redis-sessions-3 redis-sessions-4 redis-sessions-5; do
    case " $broken " in *" $each "*) continue ;; esac
    synced "$each" || return 1
  done
}
await() {
  for _ in $(seq 1 600); do
    if all_synced 2>/dev/null; then return 0; fi
    sleep 1
  done
  say "waited 600s: the cluster is not in sync; stopped here" >&2
  exit 1
}
restart() {
  await
  say "$1 restarts"
  # The pod hands its slots over before it stops (preStop).
  kube delete pod "$1-0" --wait=true
  since=$(date +%s)
  until kube wait --for=condition=Ready "pod/$1-0" --timeout=30s >/dev/null 2>&1; do
    if [ $(($(date +%s) - since)) -ge 600 ]; then
      say "waited 600s: $1-0 is not ready (kubectl describe pod); stopped here" >&2
      exit 1
    fi
    say "waits for $1-0"
    sleep 1
  done
  still=
  for each in $broken; do
    [ "$each" = "$1" ] || still="$still $each"
  done
  broken=$still
  await
}

sound=
for node in $behind; do
  ready=$(kube get pod "$node-0" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
  if [ "$ready" = True ]; then sound="$sound $node"; else broken="$broken $node"; fi
done
for node in $broken; do restart "$node"; done
later=
for node in $sound; do
  if [ "$(kube exec "$node-0" -c redis -- sh /scripts/probe.sh role)" = master ]; then later="$later $node"; else restart "$node"; fi
done
for node in $later; do restart "$node"; done
say "every pod is as applied; to restore the declared primaries: kubectl create job --from=cronjob/redis-sessions-failback (README.md)"
