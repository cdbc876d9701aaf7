#!/usr/bin/env bash
# Goes back to a point in time, from the backups and the archived WAL.
#
#   recover.sh --list                        the backups, and how far their WAL reaches
#   recover.sh TARGET [FROM] --look          beside what runs: restores here, stops at the target, and lets you read
#   recover.sh --end-look                    ends that, and removes it
#   recover.sh TARGET [FROM] --replace       the cluster itself; Patroni must be stopped on all members
#
# TARGET  --time 'YYYY-MM-DD HH:MM:SS+00'    the last moment that is kept
#         --lsn LSN | --name RESTORE_POINT   the same, by position or by the name of a restore point
#         --latest                           everything that was archived
# FROM    --repository N                     not the first repository that has it
#         --backup LABEL                     not the newest backup before the target; needed with --lsn and --name where the
#                                            newest backup is younger than the target
#         --timeline N                       not the newest history: after a --replace, a moment that was given up by it
#
# Look before you replace: a target that is a minute too late has the damage in it. Old data is moved aside, never deleted.
# Run it as the account of PostgreSQL, with the environment file; the README beside it tells how.
set -euo pipefail
umask 077

bin=/usr/lib/postgresql/16/bin
data=/var/lib/postgresql/16/catalog
configuration=/etc/patroni/patroni.yml
printf -v scope %s patroni-catalog
own_rest=https://10.1.1.21:8008
# The members of this region and where their Patroni answers.
members=(cat-1 cat-2 cat-3 )
rests=(https://10.1.1.21:8008 https://10.1.2.21:8008 https://10.1.3.21:8008 )

say() { printf '%s\n' "$*"; }
# Status 1: something failed. 2: asked for in a wrong way. 3: refused, and nothing was changed.
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
misused() { printf '%s: %s; --help says more\n' "${0##*/}" "$*" >&2; exit 2; }
refuse() { printf '%s: refused: %s\n' "${0##*/}" "$*" >&2; exit 3; }

# What is in front of the first line of code is the help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' -- "$0"; }

ctl() { patronictl -c "$configuration" "$@"; }

# Only who is there is asked in this way, so no certificate is looked at: one that has ended must not look like nobody.
# rest URL: the HTTP status, or 000 where there is none.
rest() {
    curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' --insecure "$1" || true
}

# answers URL: whether somebody is there; only a connection that is refused, or that nobody takes, is nobody.
answers() {
    local code=0
    curl --silent --output /dev/null --max-time 5 --insecure "$1" || code=$?
    case $code in
        6 | 7 | 28) return 1 ;;
        *) return 0 ;;
    esac
}

# Nothing may run: not the Patroni or PostgreSQL of this host, and no Patroni that still has a key in the consensus store.
nobody_runs() {
    local at known
    if answers "$own_rest/liveness"; then refuse "Patroni runs on this host: stop it first"; fi
    if [ -f "$data/postmaster.pid" ] && "$bin/pg_ctl" --pgdata="$data" status >/dev/null; then
        refuse "PostgreSQL runs on this host without Patroni: $bin/pg_ctl --pgdata=$data stop"
    fi
    [ "${1:-}" = everywhere ] || return 0
    for at in "${!members[@]}"; do
        if answers "${rests[at]}/liveness"; then refuse "Patroni runs on ${members[at]}: stop it on all members first"; fi
    done
    known=$(ctl list --format json) || fail "the consensus store does not answer: start etcd first, empty if it must be"
    case $known in
        *'"Member"'*) refuse "the consensus store still knows a running member; one that was stopped a moment ago is forgotten after ttl, 20s: $known" ;;
    esac
}

# Old data is never deleted: somebody may want what nobody else has.
aside() {
    place=
    if [ ! -d "$data" ] || [ -z "$(ls -A --ignore=lost+found -- "$data")" ]; then
        say "nothing lies in $data"
        return 0
    fi
    if [ -L "$data" ] || mountpoint -q -- "$data"; then
        refuse "$data is a link or a mount point: what lies in it cannot be moved aside. Mount an empty volume, with a directory of its own below the mount"
    fi
    # A tablespace is often a volume of its own, whose content cannot be moved aside within it; which room there is elsewhere
    # only people know.
    local tablespace
    for tablespace in "$data"/pg_tblspc/*; do
        if [ -d "$tablespace" ] && [ -n "$(ls -A --ignore=lost+found -- "$tablespace/")" ]; then
            refuse "a tablespace holds old data: move what lies in $(readlink -- "$tablespace") to where you keep it, by hand, and leave that directory, empty"
        fi
    done
    place=$data.$(date -u +%Y%m%dT%H%M%SZ)
    mv -- "$data" "$place" || fail "could not be moved: $data; the directory above it must belong to the account"
    mkdir -m 0700 -- "$data"
    say "moved away: $place"
}

# The keys of the cluster, so that the next start makes it anew from what patroni.yml says.
forget_cluster() {
    local left
    printf '%s\nYes I am aware\n' "$scope" | ctl remove "$scope" >/dev/null 2>&1 || true
    ctl list >/dev/null || fail 'the consensus store does not answer any more: the keys of the cluster may be there still'
    left=$(ctl show-config "$scope" 2>/dev/null) || true
    case $left in
        '' | null | '{}') say "the consensus store has forgotten $scope" ;;
        *) fail "patronictl remove did not remove $scope" ;;
    esac
}


pgbackrest=(pgbackrest --config=/etc/patroni/pgbackrest.conf --stanza=catalog)
run=/run/postgresql
port=5432
look=/var/lib/postgresql/16/catalog-look
look_socket=/run/postgresql/look-catalog
user=postgres

actions='--list --look --end-look --replace'
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

export PGPASSWORD=${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment file}

ask() { "$bin/psql" --no-psqlrc --host="$1" --port="$port" --username="$user" --dbname=postgres --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$2"; }

end_look() {
    if [ -f "$look/postmaster.pid" ]; then
        "$bin/pg_ctl" --pgdata="$look" --mode=immediate --wait stop >/dev/null || true
    fi
    rm -rf -- "${look:?}" "${look:?}.tablespaces" "${look_socket:?}"
}

# room DIRECTORY: whether its file system takes what is restored. What that is: the backup that was named, else the largest one,
# since which one it will be is found by the restore. WAL comes on top of it.
room() {
    local backup='' option known need free
    for option in "${from[@]}"; do
        case $option in PGBACKREST_SET=*) backup=${option#*=} ;; esac
    done
    known=$("${pgbackrest[@]}" --output=json info) || fail 'the repositories cannot be read'
    need=$({ grep -o '"repository":{[^}]*},"size":[0-9]*},"label":"[^"]*"' <<< "$known" || true; } |
        sed 's/.*"size":\([0-9]*\)},"label":"\(.*\)"/\1 \2/' | awk -v backup="$backup" '(backup == "" || $2 == backup) && $1 > most { most = $1 } END { print most + 0 }')
    # No backup, or none of this name: the restore says so.
    [ "$need" -gt 0 ] || return 0
    free=$(df --output=avail --block-size=1 -- "$1" | tail -n 1)
    [ "$free" -ge "$need" ] || refuse "$1 has $((free >> 20)) MiB free, and the backup has $((need >> 20)) MiB, without WAL: make room there, or mount another volume"
}


# checked FILE: all that can be wrong with what was asked for is found before anything is touched.
checked() {
    "${pgbackrest[@]}" info > "$1" || fail 'the repositories cannot be read'
    grep -q 'backup: ' "$1" || refuse 'there is no backup'
    known "$1"
}

look() {
    local pause=() state
    [ "$target" = latest ] || pause=(PGBACKREST_TARGET_ACTION=pause)
    temporary=$(mktemp)
    trap 'rm -f -- "$temporary"' EXIT
    checked "$temporary"
    end_look
    room "${look%/*}"
    mkdir -p -- "$look" "$look_socket"
    # Its own logins are those of that moment: here only the account itself comes in, through a directory of its own.
    chmod 0700 -- "$look_socket"
    echo 'local all all trust' > "$look_socket/hba"
    # Tablespaces, too: where they were, those of the member lie that runs here.
    env "${from[@]}" "${restore[@]}" "${pause[@]}" "${pgbackrest[@]}" --pg1-path="$look" --tablespace-map-all="$look.tablespaces" --archive-mode=off restore
    # The restored configuration is the primary's: no port, no archive, little memory, nobody to wait for, a socket of its own.
    if ! "$bin/pg_ctl" --pgdata="$look" --wait --timeout=86400 --log="$look_socket/log" \
        --options="-p $port -c listen_addresses='' -c unix_socket_directories='$look_socket' -c archive_mode=off -c max_logical_replication_workers=0 -c ssl=off -c hba_file='$look_socket/hba' -c shared_buffers=128MB -c synchronous_standby_names='' -c logging_collector=off" start; then
        tail -n 20 -- "$look_socket/log" >&2
        fail 'PostgreSQL does not start; "recovery ended before configured recovery target was reached" means that the archive does not reach so far'
    fi
    while true; do
        state=$(ask "$look_socket" "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'end' WHEN pg_is_wal_replay_paused() THEN 'target' END") || {
            tail -n 20 -- "$look_socket/log" >&2
            fail 'PostgreSQL ended: the archive does not reach the target'
        }
        [ -z "$state" ] || break
        sleep 1
    done
    say "at the $state; the last transaction in it: $(ask "$look_socket" "SELECT coalesce(pg_last_xact_replay_timestamp()::text, 'none after the backup')")"
    say "read it:  $bin/psql --host=$look_socket --port=$port --username=$user --dbname=DATABASE"
    say "one table: $bin/pg_dump --host=$look_socket --port=$port --username=$user --table=TABLE DATABASE"
    say "then:     ${0##*/} --end-look"
}

replace() {
    local saved patroni waited=0
    nobody_runs everywhere
    end_look
    saved=$data.config.yaml temporary=$run/recover-$scope.yml
    trap 'rm -f -- "$temporary"' EXIT
    checked "$temporary"
    # The old data stays beside it.
    if [ -d "$data" ]; then room "$data"; else room "${data%/*}"; fi
    # The same file, but that the cluster is made from the backup and not by initdb.
    sed 's/^  method: initdb$/  method: pgbackrest/' "$configuration" > "$temporary"
    grep -q '^  method: pgbackrest$' "$temporary" || fail "$configuration has no bootstrap.method"
    # What was edited at run time is kept: a new cluster knows only what patroni.yml says.
    # (There is nothing to ask where an earlier try has ended behind this point: what that one has saved counts.)
    ctl show-config "$scope" > "$saved.new" 2>/dev/null || true
    case $(cat -- "$saved.new") in
        '' | null | '{}') rm -f -- "$saved.new" ;;
        *) mv -- "$saved.new" "$saved" ;;
    esac
    # In this order: an empty member with the old keys only waits, old data without keys would lead.
    aside
    forget_cluster
    unset PGBACKREST_TARGET_TIMELINE PGBACKREST_TYPE PGBACKREST_TARGET PGBACKREST_TARGET_ACTION PGBACKREST_REPO PGBACKREST_SET
    [ "$target" = latest ] || export "${restore[@]}" PGBACKREST_TARGET_ACTION=promote
    [ -z "${from[*]}" ] || export "${from[@]}"
    patroni "$temporary" &
    patroni=$!
    trap 'kill "$patroni" 2>/dev/null || true; wait "$patroni" || true; rm -f -- "$temporary"' EXIT
    until [ "$(rest "$own_rest/primary")" = 200 ]; do
        kill -0 "$patroni" 2>/dev/null || fail 'Patroni ended: its log is above. The old data lies where "moved away" says'
        sleep 2
        waited=$((waited + 2))
        [ $((waited % 60)) -ne 0 ] || say "restoring for $waited s" || true
    done
    if [ -f "$saved" ]; then
        if ctl edit-config "$scope" --replace "$saved" --force >/dev/null; then
            rm -f -- "$saved"
        else
            say "the dynamic configuration of before lies in $saved: compare it with patronictl show-config"
        fi
    fi
    say "the cluster is at $target, on timeline $(ask "$run" 'SELECT timeline_id FROM pg_control_checkpoint()'): PostgreSQL is stopped again, for its unit to start it"
    kill "$patroni"
    wait "$patroni" || true
    trap - EXIT
    rm -f -- "$temporary"
    if [ -n "$place" ]; then
        say "given up: $place, timeline $("$bin/pg_controldata" -D "$place" | sed -n "s/^Latest checkpoint's TimeLineID: *//p"). Another moment of that history, or with --latest all of it that was archived: --timeline with this number"
    fi
    say "now: 1. here: systemctl start hagen-catalog-patroni"
    say "     2. look at the data; patronictl list shows a Leader"
    say "     3. here: systemctl start hagen-catalog-backup-full; the others are made from this backup, an older one leads back to what was given up"
    say "     4. on each other member: start-over.sh, then systemctl start hagen-catalog-patroni"
    say '     5. in west: drop the subscription and what it filled (DROP OWNED BY the services'\'' role), then subscribe.sh: it holds rows that were given up, and would miss new ones'
}

case $action in
    --list) "${pgbackrest[@]}" info ;;
    --look) look ;;
    --end-look) end_look ;;
    --replace) replace ;;
esac
