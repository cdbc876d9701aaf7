#!/usr/bin/env bash
# Makes a backup: backup.sh full|diff|incr. Every member has the timer; only the one that is primary now works.
set -euo pipefail
umask 077

type=${1:?one of full, diff, incr}
config=/etc/patroni/pgbackrest.conf
stanza=catalog
repositories=(1 )
url=https://10.1.3.21:8008/primary

# Patroni answers 200 on the primary and 503 elsewhere. No answer is a failure: otherwise nobody would make the backup, and
# nobody would say so.
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
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
for try in 1 2 3 4 5 6; do
    if pgbackrest --config="$config" --stanza="$stanza" stanza-create > "$log" 2>&1; then break; fi
    if [ "$try" = 6 ] || ! grep -q 'unable to acquire lock' "$log"; then
        cat "$log" >&2
        echo 'the backup will tell whether the stanza is there' >&2
        break
    fi
    sleep "$try"
done
failed=0
for repository in "${repositories[@]}"; do
    # Another backup holds the lock: a full one waits for its turn; for the others the one that runs will do.
    while true; do
        code=0
        pgbackrest --config="$config" --stanza="$stanza" --repo="$repository" --type="$type" backup 2>&1 | tee "$log" || code=$?
        if [ "$code" = 0 ] || ! grep -q 'unable to acquire lock' "$log"; then
            break
        fi
        if [ "$type" != full ]; then
            echo "repository $repository: a backup runs already, this one is not needed"
            continue 2
        fi
        sleep 60
    done
    [ "$code" = 0 ] || failed=1
done
exit "$failed"
