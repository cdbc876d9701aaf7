#!/usr/bin/env bash
# Makes a backup: backup.sh full|diff|incr. Every member has the timer; only the one that is primary now works, and reads the
# files of a standby through pgBackRest's server there: what is read and compressed costs the primary nothing. Where no standby
# can be read it reads its own files, and says so.
set -euo pipefail
umask 077

type=${1:?one of full, diff, incr}
config=/etc/patroni/pgbackrest.conf
stanza=main
repositories=(1 2 )
url=https://10.1.1.11:8008/primary

# Whatever ends this script, the journal says where: a program that is killed says nothing itself.
step='before anything was asked' log='' status=0
trap 'status=$?; [ -z "$log" ] || rm -f -- "$log"; [ "$status" = 0 ] || echo "backup.sh $type: status $status: $step" >&2' EXIT
log=$(mktemp)

# Patroni answers 200 on the primary and 503 elsewhere. No answer is a failure: otherwise nobody would make the backup, and
# nobody would say so.
step='asking Patroni who is primary'
code=$(curl --silent --show-error --output /dev/null --max-time 10 --write-out '%{http_code}' --cacert /etc/hagen/tls/ca.crt "$url") || code=none
case $code in
    200) ;;
    503) echo 'this member is not the primary: nothing to do'; exit 0 ;;
    *) echo "Patroni does not answer at $url ($code)" >&2; exit 1 ;;
esac

# For the connection through the socket; in the environment, not on a command line.
export PGPASSWORD=${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment file}

# Does nothing where the stanza is there, and refuses where it is another cluster's. It asks all repositories at once: one that
# cannot be reached must not cost the backup in the others.
# The archiver holds the same lock for a moment with every segment.
step='making the stanza'
for try in 1 2 3 4 5 6; do
    if pgbackrest --config="$config" --stanza="$stanza" stanza-create > "$log" 2>&1; then break; fi
    if [ "$try" = 6 ] || ! grep -q 'unable to acquire lock' "$log"; then
        cat "$log" >&2
        echo 'the backup will tell whether the stanza is there' >&2
        break
    fi
    sleep "$try"
done

# standby MEMBER: how pgBackRest reaches it, and where its files lie. Here and not in the configuration: everything else that
# runs there is about this member alone, and a member that is away would hold it up for two minutes.
standby() {
    case $1 in
        east-2)
            options=(--pg2-host=10.1.2.11 --pg2-host-port=8432 --pg2-host-config=/etc/patroni/pgbackrest.conf
                --pg2-path=/var/lib/postgresql/16/main --pg2-port=5432 --pg2-socket-path=/run/postgresql) ;;
        east-3)
            options=(--pg2-host=10.1.3.11 --pg2-host-port=8432 --pg2-host-config=/etc/patroni/pgbackrest.conf
                --pg2-path=/var/lib/postgresql/16/main --pg2-port=5432 --pg2-socket-path=/run/postgresql) ;;
        *) return 1 ;;
    esac
    options+=(--pg2-user=postgres --pg2-host-type=tls --pg2-host-cert-file=/etc/hagen/tls/tls.crt
        --pg2-host-key-file=/etc/hagen/tls/tls.key --pg2-host-ca-file=/etc/hagen/tls/ca.crt)
}

# Those that stream now, first those that no commit waits for. A standby of another region streams, too: it is none of these.
step='asking which standbys stream'
sources=()
streaming=$(/usr/lib/postgresql/16/bin/psql --no-psqlrc --host=/run/postgresql --port=5432 --username=postgres --dbname=postgres --tuples-only --no-align \
    --command="SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY sync_state <> 'async', application_name") || streaming=
for name in $streaming; do
    if standby "$name"; then sources+=("$name"); fi
done
[ -n "${sources[*]}" ] || echo "no standby streams: this member's own files are read" >&2

failed=0
for repository in "${repositories[@]}"; do
    step="the backup in repository $repository"
    # The last one, without a name, is this member itself.
    for source in "${sources[@]}" ''; do
        options=() from='the primary'
        unset PGBACKREST_BACKUP_STANDBY
        if [ -n "$source" ]; then
            standby "$source"
            from="standby $source"
            export PGBACKREST_BACKUP_STANDBY=y
        fi
        # Another backup holds the lock: a full one waits for its turn; for the others the one that runs will do.
        while true; do
            code=0
            pgbackrest --config="$config" --stanza="$stanza" --repo="$repository" --type="$type" "${options[@]}" backup 2>&1 | tee "$log" || code=$?
            if [ "$code" = 0 ] || ! grep -q 'unable to acquire lock' "$log"; then
                break
            fi
            if [ "$type" != full ]; then
                echo "repository $repository: a backup runs already, this one is not needed"
                continue 3
            fi
            sleep 60
        done
        if [ "$code" = 0 ]; then
            echo "repository $repository: files read from $from"
            break
        fi
        # Why it was says pgBackRest above; the backup itself matters more than whom it costs.
        echo "repository $repository: pgbackrest ended with status $code, reading from $from" >&2
    done
    [ "$code" = 0 ] || failed=1
done
step='a repository has no new backup, or the alerts were not told; see above'
exit "$failed"
