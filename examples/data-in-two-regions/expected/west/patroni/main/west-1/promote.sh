#!/usr/bin/env bash
# Makes this region the primary one. What east wrote and this region has not received is given up.
#
#   promote.sh --plan      what would be done, and how things are
#   promote.sh --fenced    does it; says that nobody can write in the old region any more
#
# Two regions that both write cannot be joined again. That a region does not answer proves nothing: its clients may reach it
# still. Fence it first, by one of: Patroni and routers stopped on its hosts; its hosts switched off; its clients and its
# network cut off at what you do control (firewall, security group, route). Then say --fenced.
# Run it on any member of this region, as the account of PostgreSQL, with the environment file; the README beside it tells how.
set -euo pipefail
umask 077

bin=/usr/lib/postgresql/16/bin
data=/var/lib/postgresql/16/main
configuration=/etc/patroni/patroni.yml
printf -v scope %s patroni-main
own_rest=https://10.2.1.11:8008
# The members of this region and where their Patroni answers.
members=(west-1 west-2 west-3 )
rests=(https://10.2.1.11:8008 https://10.2.2.11:8008 https://10.2.3.11:8008 )

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


# The members of all other regions: none of them may be primary.
other_rests=(https://10.1.1.11:8008 https://10.1.2.11:8008 https://10.1.3.11:8008 )
# What the other regions will read by, once they stand by for this one.
slots=(standby_east )
old_region=east
[ $# -le 1 ] || misused 'one argument'
case ${1:-} in
    --plan | --fenced) ;;
    --help | -h) usage; exit 0 ;;
    '') usage >&2; exit 2 ;;
    *) misused "what is $1?" ;;
esac

# leader: the base address of the member that leads here, a standby leader or a primary; status 1 where there is none.
leader() {
    local at
    for at in "${!members[@]}"; do
        if [ "$(rest "${rests[at]}/$1")" = 200 ]; then
            say "${rests[at]}"
            return 0
        fi
    done
    return 1
}

# position URL FIELD: what a member says of its WAL.
position() {
    curl --silent --fail --max-time 5 --insecure "$1/patroni" |
        sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"
}

ctl list >/dev/null || fail 'the consensus store of this region does not answer: start etcd first'
if at=$(leader primary); then
    say "this region is the primary one already: $at"
    exit 0
fi
for other in "${other_rests[@]}"; do
    if [ "$(rest "$other/primary")" = 200 ]; then
        say "$other is primary still"
        [ "$1" = --plan ] || refuse "another region has a primary ($old_region?): fence it first"
    fi
done
if at=$(leader standby-leader); then
    say "received $(position "$at" received_location), replayed $(position "$at" replayed_location) (bytes of WAL): this is how far this region gets"
else
    configured=$(ctl show-config "$scope") || fail 'the configuration of this region cannot be read'
    case $configured in
        *standby_cluster:*) fail 'this region has no standby leader: patronictl list' ;;
    esac
    say 'an earlier run has begun this: waits for the primary'
fi
settings=(--set standby_cluster=null)
for slot in "${slots[@]}"; do settings+=(--set "slots.$slot.type=physical"); done
if [ "$1" = --plan ]; then
    say "would do: patronictl edit-config ${settings[*]}, then wait for a primary"
    exit 0
fi

ctl edit-config "$scope" "${settings[@]}" --force >/dev/null
deadline=$((SECONDS + 70))
until at=$(leader primary); do
    [ "$SECONDS" -lt "$deadline" ] || fail 'no primary within 70 s: patronictl list, and the log of the standby leader'
    sleep 1
done
say "primary: $at, after $SECONDS s; the router here leads to it already"
say 'now:'
say '  1. let the name main.east.db.example.com lead where main.west.db.example.com leads, for the services that still ask for the old one'
say '  2. on the new primary: systemctl start hagen-main-backup-full; backups are made here now'
say '  3. in the blueprint exchange the role of east and west, and what crossRegion.to says; render'
say '  4. the fence stays until east is a standby: this page, "The old region comes back"'
