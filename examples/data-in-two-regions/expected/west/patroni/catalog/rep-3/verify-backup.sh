#!/usr/bin/env bash
# Restores the newest backup of each repository with all WAL behind it into a directory of its own, starts PostgreSQL on it
# without a port, reads every row, and says how long it took (R-BK-13). Nothing that runs is touched.
set -euo pipefail
umask 077

config=/etc/patroni/pgbackrest.conf
stanza=catalog
repositories=(1 )
data=/var/lib/postgresql/16/catalog-verify
bin=/usr/lib/postgresql/16/bin
socket=/run/postgresql/verify-catalog
port=5432
user=postgres

pgbackrest=(pgbackrest --config="$config" --stanza="$stanza") from=()
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
refuse() { fail "$@"; }
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

export PGPASSWORD=${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment file}

stop() {
    if [ -f "$data/postmaster.pid" ]; then
        "$bin/pg_ctl" --pgdata="$data" --mode=immediate --wait stop || true
    fi
    rm -rf -- "${data:?}" "${data:?}.tablespaces" "${socket:?}"
}
trap stop EXIT

# What an earlier run left behind when its host was switched off.
stop
# The member that runs here has its data on the same volume: it must not be filled up.
room "${data%/*}"
for repository in "${repositories[@]}"; do
    started=$SECONDS
    mkdir -p -- "$data" "$socket"
    pgbackrest --config="$config" --stanza="$stanza" --repo="$repository" verify
    pgbackrest --config="$config" --stanza="$stanza" --repo="$repository" --pg1-path="$data" \
        --tablespace-map-all="$data.tablespaces" --archive-mode=off restore
    restored=$((SECONDS - started))
    # The restored configuration is the primary's: no port, no archive, little memory beside the member that runs here, nobody
    # to wait for, a socket of its own.
    "$bin/pg_ctl" --pgdata="$data" --wait --timeout=86400 --log="$socket/log" \
        --options="-p $port -c listen_addresses='' -c unix_socket_directories='$socket' -c archive_mode=off -c max_logical_replication_workers=0 -c ssl=off -c shared_buffers=128MB -c synchronous_standby_names='' -c logging_collector=off" start
    until [ "$("$bin/psql" --no-psqlrc --host="$socket" --port="$port" --username="$user" --dbname=postgres --tuples-only --no-align \
        --command='SELECT pg_is_in_recovery()')" = f ]; do sleep 5; done
    replayed=$((SECONDS - started))
    databases=$("$bin/psql" --no-psqlrc --host="$socket" --port="$port" --username="$user" --dbname=postgres --tuples-only --no-align \
        --command="SELECT datname FROM pg_database WHERE datallowconn")
    while IFS= read -r database; do
        # Every row is read, and the checksum of every page that holds one; the pages of indexes are not.
        "$bin/pg_dump" --host="$socket" --port="$port" --username="$user" --format=plain --file=/dev/null --dbname="$database"
    done <<<"$databases"
    readable=$((SECONDS - started))
    stop
    echo "repository $repository: restored in $restored s, WAL replayed after $replayed s, read after $readable s"
done
