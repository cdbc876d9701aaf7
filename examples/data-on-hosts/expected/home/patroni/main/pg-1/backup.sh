#!/usr/bin/env bash
# Makes a backup: backup.sh full|diff|incr. Every member has the timer; only the one that is primary now works.
set -euo pipefail
umask 077

type=${1:?one of full, diff, incr}
config=/etc/patroni/pgbackrest.conf
stanza=main
repositories=(1 )
url=https://10.0.1.11:8008/primary

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

pgbackrest --config="$config" --stanza="$stanza" stanza-create
failed=0
for repository in "${repositories[@]}"; do
    # One store that cannot be reached must not cost the backup in the other.
    pgbackrest --config="$config" --stanza="$stanza" --repo="$repository" --type="$type" backup || failed=1
done
exit "$failed"
