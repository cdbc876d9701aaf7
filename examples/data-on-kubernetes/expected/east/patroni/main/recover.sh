#!/usr/bin/env bash
# Goes back to a point in time, from the backups and the archived WAL: cluster main in east, on Kubernetes.
#
#   recover.sh --list                        the backups, and how far their WAL reaches
#   recover.sh TARGET [FROM] --look          beside what runs: restores in a pod of its own, stops at the target, and lets you read
#   recover.sh --end-look                    ends that, and removes it
#   recover.sh TARGET [FROM] --replace       the cluster itself: stops it, keeps its volumes, restores one member, waits for you
#   recover.sh --go-on                       after you have looked: a full backup, the other members, the clients
#
# TARGET  --time 'YYYY-MM-DD HH:MM:SS+00'    the last moment that is kept
#         --lsn LSN | --name RESTORE_POINT   the same, by position or by the name of a restore point
#         --latest                           everything that was archived
# FROM    --repository N                     not the first repository that has it
#         --backup LABEL                     not the newest backup before the target; needed with --lsn and --name where the
#                                            newest backup is younger than the target
#         --timeline N                       not the newest history: after a --replace, a moment that was given up by it
#
# Look before you replace: a target that is a minute too late has the damage in it. Old volumes are kept, never deleted.
# Where a run has ended early, the same command again goes on. What applies this from a repository (Argo CD, Flux) is suspended
# before: it would start in the middle what is stopped here. Run it where kubectl reaches the cluster; the README beside it tells how.
set -euo pipefail
umask 077

object=postgres-main
selector=app.kubernetes.io/component=database,app.kubernetes.io/instance=postgres-main,app.kubernetes.io/name=postgres,app.kubernetes.io/part-of=store
# The pods, and what Patroni calls them.
pods=(postgres-main-0 postgres-main-1 postgres-main-2 )
names=(postgres-main-0-east postgres-main-1-east postgres-main-2-east )
followers=2
jobs=(postgres-main-full postgres-main-differential postgres-main-verify )
full=postgres-main-full
look=postgres-main-look
record=postgres-main-recover
pgbackrest=(pgbackrest --stanza=main)

say() { printf '%s\n' "$*"; }
# Status 1: something failed. 2: asked for in a wrong way. 3: refused, and nothing was changed.
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
misused() { printf '%s: %s; --help says more\n' "${0##*/}" "$*" >&2; exit 2; }
refuse() { printf '%s: refused: %s\n' "${0##*/}" "$*" >&2; exit 3; }
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' -- "$0"; }
kube() { kubectl "$@"; }
k() { kube --namespace store "$@"; }

# It runs on the machine of whoever calls it.
[ "${BASH_VERSINFO[0]}" -gt 4 ] || [ "${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}" = 4.4 ] || fail "this is bash $BASH_VERSION; 4.4 or newer is needed"
command -v kubectl >/dev/null || fail 'kubectl is not installed'

actions='--list --look --end-look --replace --go-on'
restore=() action='' target='' from=()
while [ $# -gt 0 ]; do
    case $1 in '' | *' '*) misused "what is '$1'?" ;; esac
    case " $actions " in
        *" $1 "*)
            [ -z "$action" ] || misused "both $action and $1"
            action=$1
            shift
            continue ;;
    esac
    case $1 in
        --help | -h) usage; exit 0 ;;
        --latest)
            [ -z "$target" ] || misused 'two targets'
            target=latest restore=() ;;
        --time | --lsn | --name)
            [ -z "$target" ] || misused 'two targets'
            [ $# -ge 2 ] || misused "$1 wants a value"
            # Without a zone it would be read as the local time of this host.
            [ "$1" != --time ] || [[ $2 =~ :[0-9][0-9](\.[0-9]+)?[+-][0-9][0-9](:?[0-9][0-9])?$ ]] || misused "--time wants a zone: '$2+00'"
            target=$2 restore=(PGBACKREST_TYPE="${1#--}" PGBACKREST_TARGET="$2")
            shift ;;
        --timeline) [ $# -ge 2 ] || misused "$1 wants a value"; from+=(PGBACKREST_TARGET_TIMELINE="$2"); shift ;;
        --repository) [ $# -ge 2 ] || misused "$1 wants a value"; from+=(PGBACKREST_REPO="$2"); shift ;;
        --backup) [ $# -ge 2 ] || misused "$1 wants a value"; from+=(PGBACKREST_SET="$2"); shift ;;
        *) misused "what is $1?" ;;
    esac
    shift
done
[ -n "$action" ] || { usage >&2; exit 2; }
case $action in
    --look | --replace) [ -n "$target" ] || misused 'a target: --time, --lsn, --name or --latest' ;;
    *) [ -z "$target${from[*]}" ] || misused "$action goes back to nothing: without --time, --lsn, --name, --latest, --timeline, --repository, --backup" ;;
esac

# known FILE: whether what pgBackRest tells of the repositories has what was asked for.
known() {
    local option
    for option in "${from[@]}"; do
        case $option in
            PGBACKREST_SET=*) grep -q -e "backup: ${option#*=}\$" "$1" || refuse "there is no backup ${option#*=}: --list" ;;
            PGBACKREST_REPO=*) case ${option#*=} in [1-9]) ;; *) refuse "${option#*=} is no number of a repository" ;; esac ;;
            PGBACKREST_TARGET_TIMELINE=*) case ${option#*=} in '' | *[!0-9]*) refuse "${option#*=} is no timeline" ;; esac ;;
        esac
    done
}


# inside POD COMMAND...: in the container of PostgreSQL, which has the passwords and keys.
inside() {
    local pod=$1; shift
    k exec "$pod" --container=patroni -- "$@"
}
# shellcheck disable=SC2016  # expanded in the pod
ask() { inside "$1" sh -c 'PGPASSWORD=$PATRONI_SUPERUSER_PASSWORD exec /usr/lib/postgresql/16/bin/psql --no-psqlrc --host=/run/postgresql --port=5432 --username=postgres --dbname=postgres --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$0"' "$2"; }

# What the repositories hold, as a pod sees it. One that was restored a moment ago has the target in its environment still.
backups() { inside "$1" env --unset=PGBACKREST_TYPE --unset=PGBACKREST_REPO --unset=PGBACKREST_SET "${pgbackrest[@]}" info; }

# A pod that runs; status 1 where there is none.
running() {
    local pod
    for pod in "${pods[@]}"; do
        if inside "$pod" true >/dev/null 2>&1; then say "$pod"; return 0; fi
    done
    return 1
}
# The pod whose server writes; status 1 where there is none.
primary() {
    local pod
    for pod in "${pods[@]}"; do
        if [ "$(inside "$pod" curl --silent --insecure --max-time 5 --output /dev/null --write-out '%{http_code}' https://127.0.0.1:8008/primary 2>/dev/null)" = 200 ]; then
            say "$pod"
            return 0
        fi
    done
    return 1
}

# The environment that pgBackRest restores by; what is not asked for is taken out.
settings() { # ACTION
    local name said=("${restore[@]}" "${from[@]}")
    [ "$target" = latest ] || said+=(PGBACKREST_TARGET_ACTION="$1")
    for name in TYPE TARGET TARGET_ACTION TARGET_TIMELINE REPO SET; do
        case " ${said[*]%%=*} " in
            *" PGBACKREST_$name "*) ;;
            *) said+=("PGBACKREST_$name-") ;;
        esac
    done
    printf '%s\0' "${said[@]}"
}

end_look() { k delete job "$look" --ignore-not-found --wait >/dev/null; }

# checked POD: whether what was asked for is there, as a pod sees the repositories.
checked() {
    backups "$1" > "$work/info" || refuse 'the repositories cannot be read'
    grep -q 'backup: ' "$work/info" || refuse 'there is no backup'
    known "$work/info"
}

look() {
    local environment pod said failed waited=0
    mapfile -d '' environment < <(settings pause)
    # Where no member runs that could be asked, the restore itself says so.
    if pod=$(running); then checked "$pod"; fi
    end_look
    k create job "$look" --from="cronjob/$look" --dry-run=client --output=yaml |
        k set env --local --filename=- --output=yaml "${environment[@]}" |
        k create --filename=- >/dev/null
    until said=$(k exec "job/$look" --container=look -- cat /tmp/there 2>/dev/null) && [ -n "$said" ]; do
        failed=$(k get job "$look" --output='jsonpath={.status.failed}')
        if [ "${failed:-0}" != 0 ]; then
            k logs "job/$look" --tail=20 >&2
            fail 'it ended; "recovery ended before configured recovery target was reached" means that the archive does not reach so far'
        fi
        sleep 2
        waited=$((waited + 2))
        if [ $((waited % 60)) -eq 0 ]; then
            say "restoring for $waited s: $(k get pods --selector="job-name=$look" --output='jsonpath={.items[*].status.phase} {.items[*].status.containerStatuses[*].state.waiting.reason}')"
        fi
    done
    say "$said"
    say "read it:   kubectl --namespace store exec --stdin --tty job/$look -- psql --host=/tmp --username=postgres --dbname=DATABASE"
    say "one table: kubectl --namespace store exec job/$look -- pg_dump --host=/tmp --username=postgres --table=TABLE DATABASE"
    say "then:      ${0##*/} --end-look (by itself after a day)"
}

# What is known of the cluster that is given up, kept in the cluster: put KEY FILE.
put() {
    local patch
    k get configmap "$record" >/dev/null 2>&1 || k create configmap "$record" >/dev/null
    patch=$(k create configmap "$record" --from-file="$1=$2" --dry-run=client --output=json)
    k patch configmap "$record" --type=merge --patch "$patch" >/dev/null
}
recorded() { k get configmap "$record" --ignore-not-found --output="jsonpath={.data.$1}"; }

# Who writes is stopped, and what would run meanwhile.
fence() {
    local job left waited=0
    k scale deployment/postgres-main-pool --replicas=0 >/dev/null
    for job in "${jobs[@]}"; do k patch cronjob "$job" --patch '{"spec":{"suspend":true}}' >/dev/null; done
    k scale "statefulset/$object" --replicas=0 >/dev/null
    until left=$(k get pods --selector="$selector" --output=name) && [ -z "$left" ]; do
        sleep 2
        waited=$((waited + 2))
        if [ $((waited % 60)) -eq 0 ]; then
            say "stops for $waited s: ${left//$'\n'/ }"
            say 'one on a node that is gone stays: when that node is certainly off, kubectl taint it node.kubernetes.io/out-of-service=nodeshutdown:NoExecute'
        fi
    done
    say 'every member is stopped'
}

# Nothing is let go of before it is known to stay.
keep_volumes() {
    local volume volumes claims=$work/claims
    volumes=$(k get pvc --selector="$selector" --output='jsonpath={.items[*].spec.volumeName}')
    if [ -z "$volumes" ]; then
        say 'there are no volumes to keep'
    else
        for volume in $volumes; do
            kube patch pv "$volume" --patch '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' >/dev/null
            [ "$(kube get pv "$volume" --output='jsonpath={.spec.persistentVolumeReclaimPolicy}')" = Retain ] ||
                fail "volume $volume would go with its claim: nothing was removed"
        done
        k get pvc --selector="$selector" --output=yaml > "$claims"
        put "claims-$(date -u +%Y%m%dT%H%M%SZ).yaml" "$claims"
        say "kept: volumes $volumes; their claims stand in the ConfigMap $record"
    fi
    k delete pvc --selector="$selector" >/dev/null
}

# etcd COMMAND...: by the first member that answers; a majority of them must.
etcd() {
    local pod
    for pod in postgres-main-etcd-0 postgres-main-etcd-1 postgres-main-etcd-2; do
        if k exec "$pod" -- etcdctl --endpoints=https://"$pod".postgres-main-etcd.store.svc.cluster.local:2379 --cacert=/etc/hagen/tls/ca.crt --cert=/etc/hagen/tls/tls.crt --key=/etc/hagen/tls/tls.key "$@" 2>"$work/etcd"; then return 0; fi
    done
    cat -- "$work/etcd" >&2
    return 1
}

# The keys of the cluster, so that the next start makes it anew.
forget_cluster() {
    etcd del --prefix /hagen/store/patroni-main/ >/dev/null
    [ -z "$(etcd get --prefix --keys-only /hagen/store/patroni-main/)" ] ||
        fail 'etcd has keys of the cluster still: does a member run?'
    say 'the consensus store has forgotten the cluster'
}

# method NOW WANTED: how Patroni makes the cluster when there is none.
method() {
    k get configmap "$object-config" --output=yaml | sed "s/^\(  *method:\) $1\$/\1 $2/" > "$work/config"
    grep -q "^  *method: $2\$" "$work/config" || fail "the ConfigMap $object-config has no bootstrap.method"
    k replace --filename="$work/config" >/dev/null
}

# The configuration at run time and the history, before they are given up. Where an earlier try has ended behind this point, what
# that one has saved counts.
save() {
    local pod=$1 timeline
    case $(recorded pending) in yes | unknown) return 0 ;; esac
    inside "$pod" patronictl show-config > "$work/dynamic" || fail "$pod cannot say how the cluster is configured"
    case $(cat -- "$work/dynamic") in
        '' | null | '{}') fail "$pod does not know how the cluster is configured" ;;
    esac
    timeline=$(ask "$pod" 'SELECT timeline_id FROM pg_control_checkpoint()') || fail "PostgreSQL in $pod does not answer: delete the pod, or let it come back"
    say "$timeline" > "$work/timeline"
    put dynamic "$work/dynamic"
    put timeline "$work/timeline"
    printf yes > "$work/pending"
    put pending "$work/pending"
}

replace() {
    local environment pod waited=0 restarts
    k get "statefulset/$object" >/dev/null || refuse "there is no StatefulSet $object: apply it first"
    # All that can be wrong is found before anything is stopped.
    etcd get --prefix --keys-only /hagen/store/patroni-main/ >/dev/null || refuse 'no member of etcd answers'
    mapfile -d '' environment < <(settings promote)
    if pod=$(running); then
        checked "$pod"
        save "$pod"
    else
        say 'no member runs: whether there is a backup shows when it is restored'
        # Unless an earlier try has saved them, nobody knows the history and what was edited at run time.
        if [ "$(recorded pending)" != yes ]; then
            printf unknown > "$work/timeline"
            put timeline "$work/timeline"
            printf unknown > "$work/pending"
            put pending "$work/pending"
        fi
    fi
    end_look
    say 'west: its pool leads here and would write before you have looked. There kubectl scale deployment/postgres-main-pool --replicas=0 now, and up again after --go-on'
    fence
    keep_volumes
    forget_cluster
    method initdb pgbackrest
    k set env "statefulset/$object" --containers=patroni "${environment[@]}" >/dev/null
    k scale "statefulset/$object" --replicas=1 >/dev/null
    until [ "$(primary)" = "${pods[0]}" ]; do
        restarts=$(k get pod "${pods[0]}" --ignore-not-found --output='jsonpath={.status.containerStatuses[?(@.name=="patroni")].restartCount}')
        if [ "${restarts:-0}" -gt 2 ]; then
            k logs "${pods[0]}" --container=patroni --previous --tail=20 >&2 || true
            fail 'Patroni ends again and again, above is why; the old volumes are kept, and the same command with another target goes on'
        fi
        sleep 2
        waited=$((waited + 2))
        [ $((waited % 60)) -ne 0 ] || say "restoring for $waited s"
    done
    # What was edited at run time is kept: a new cluster knows only what patroni.yml says.
    if [ "$(recorded pending)" = yes ]; then
        recorded dynamic > "$work/dynamic"
        [ -s "$work/dynamic" ] || fail "the ConfigMap $record does not hold the configuration any more"
        k exec --stdin "${pods[0]}" --container=patroni -- patronictl edit-config --replace - --force < "$work/dynamic" >/dev/null ||
            say "the dynamic configuration of before stands in the ConfigMap $record: compare it with patronictl show-config"
    else
        say 'what was edited at run time (patronictl edit-config) is not known: the configuration is that of the files'
    fi
    printf no > "$work/pending"
    put pending "$work/pending"
    k set env "statefulset/$object" --containers=patroni PGBACKREST_TYPE- PGBACKREST_TARGET- PGBACKREST_TARGET_ACTION- PGBACKREST_TARGET_TIMELINE- PGBACKREST_REPO- PGBACKREST_SET- >/dev/null
    say "the cluster is at $target, on timeline $(ask "${pods[0]}" 'SELECT timeline_id FROM pg_control_checkpoint()'), in ${pods[0]} alone"
    say "given up: timeline $(recorded timeline). Another moment of that history, or with --latest all of it that was archived: --timeline with this number"
    say "now: 1. look at the data; another moment: --replace again"
    say "     2. ${0##*/} --go-on"
}

# streaming COUNT: whether there is a leader and so many members follow it.
streaming() {
    local list
    list=$(inside "$(primary)" patronictl list --format tsv 2>/dev/null) || return 1
    [ "$(awk -F '\t' '{ for (i = 1; i <= NF; i++) if ($i == "streaming") n++ } END { print n + 0 }' <<< "$list")" = "$1" ]
}
await() { # COUNT
    local waited=0
    until streaming "$1"; do
        sleep 2
        waited=$((waited + 2))
        [ "$waited" -lt 86400 ] || fail "the members do not follow: patronictl list"
        [ $((waited % 60)) -ne 0 ] || say "waits for $1 members to follow, for $waited s"
    done
}
await_job() {
    local state
    until state=$(k get job "$1" --output='jsonpath={.status.succeeded}/{.status.conditions[?(@.type=="Failed")].status}') && [ "$state" = 1/ ]; do
        [ "${state#*/}" != True ] || { k logs "job/$1" --tail=20 >&2; fail "job $1 failed: delete it, and --go-on again"; }
        sleep 2
    done
}

# The first member still has the environment of the restore: its next copy of the cluster would be made by it.
renew_first() {
    local revision follower at leader word
    revision=$(k get "statefulset/$object" --output='jsonpath={.status.updateRevision}')
    [ "$(k get pod "${pods[0]}" --output='jsonpath={.metadata.labels.controller-revision-hash}')" != "$revision" ] || return 0
    leader=$(primary) || fail 'there is no primary: patronictl list'
    if [ "$leader" = "${pods[0]}" ] && [ "$followers" -gt 0 ]; then
        # Nobody else may take over, and while a member comes back there may be none for a moment.
        word='Quorum Standby'
        follower=
        for ((at = 0; at < 30; at++)); do
            follower=$(inside "$leader" patronictl list --format tsv | awk -F '\t' -v word="$word" '$4 == word && !n++ { print $2 }')
            [ -z "$follower" ] || break
            sleep 2
        done
        [ -n "$follower" ] || fail "no member is a $word: patronictl list, and --go-on again"
        inside "$leader" patronictl switchover --leader "${names[0]}" --candidate "$follower" --force >/dev/null ||
            fail "could not be handed over to $follower: patronictl list, and --go-on again"
    fi
    k delete pod "${pods[0]}" >/dev/null
    await "$followers"
}

go_on() {
    local leader job
    leader=$(primary) || refuse 'there is no primary: --replace first'
    case $(inside "$leader" env) in
        *PGBACKREST_TARGET=* | *PGBACKREST_TYPE=* | *PGBACKREST_TARGET_TIMELINE=*) ;;
        *) [ -n "$(recorded timeline)" ] || refuse 'nothing was replaced' ;;
    esac
    [ "$(recorded pending)" = no ] || refuse '--replace has not come to its end: the same command again goes on'
    # Before the others start: they are made from the newest backup, and one from the time that was given up could not follow.
    job=$full-tl$(ask "$leader" 'SELECT timeline_id FROM pg_control_checkpoint()')
    k get job "$job" >/dev/null 2>&1 || k create job "$job" --from="cronjob/$full" >/dev/null
    await_job "$job"
    say "backed up by job $job"
    method pgbackrest initdb
    k scale "statefulset/$object" --replicas=$((followers + 1)) >/dev/null
    await "$followers"
    renew_first
    say "all $((followers + 1)) members run"
    k scale deployment/postgres-main-pool --replicas=3 >/dev/null
    for job in "${jobs[@]}"; do k patch cronjob "$job" --patch '{"spec":{"suspend":false}}' >/dev/null; done
    say 'clients and backups are back. The next apply wants --force-conflicts: this script has taken fields that the files set'
    say 'west: it holds what was given up. There "Start over" of its page, then apply with --force-conflicts'
}

# Not in a subshell that ends early: it is needed until the end.
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
case $action in
    --list)
        pod=$(running) || fail 'no member runs that could be asked'
        backups "$pod" ;;
    --look) look ;;
    --end-look) end_look ;;
    --replace) replace ;;
    --go-on) go_on ;;
esac
