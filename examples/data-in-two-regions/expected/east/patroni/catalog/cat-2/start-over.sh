#!/usr/bin/env bash
# Moves the data directory of this member aside, so that its next start copies everything anew.
#
#   start-over.sh                    this member alone: Patroni must be stopped here
#   start-over.sh --forget-cluster   and the cluster's keys in the consensus store too, so that the next start makes the cluster
#                                    as patroni.yml says; Patroni must be stopped on all members of this region
#
# Needed where a member cannot follow by rewinding, after recover.sh --replace on another one, and where a region comes back
# as the standby of another: what makes it a standby is read only where a cluster is made (F-PT-11).
# Run it as the account of PostgreSQL, with the environment file; the README beside it tells how.
set -euo pipefail
umask 077

bin=/usr/lib/postgresql/16/bin
data=/var/lib/postgresql/16/catalog
configuration=/etc/patroni/patroni.yml
printf -v scope %s patroni-catalog
own_rest=https://10.1.2.21:8008
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


[ $# -le 1 ] || misused 'at most one argument'
case ${1:-} in
    '') nobody_runs ;;
    --forget-cluster)
        nobody_runs everywhere ;;
    --help | -h) usage; exit 0 ;;
    *) misused "what is $1?" ;;
esac
# In this order: an empty member with the old keys only waits, old data without keys would lead.
aside
[ -z "${1:-}" ] || forget_cluster
