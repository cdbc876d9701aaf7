#!/usr/bin/env bash
# pgBackRest's server of this member: whoever is primary reads the files of its backups through it. It lets in whoever shows a
# certificate of this name: postgres-main
set -euo pipefail

# For the connection through the socket; in the environment, not on a command line.
export PGPASSWORD=${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment file}
exec pgbackrest --config=/etc/patroni/pgbackrest.conf server
