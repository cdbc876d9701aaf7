#!/usr/bin/env bash
# Runs once in the life of the cluster, on the first primary: roles, database, stanza. Patroni calls it with a connection
# string that holds no password. Passwords come from the environment and reach the server on standard input: they stand on
# no command line and in no log.
set -euo pipefail

psql=/usr/lib/postgresql/16/bin/psql
: "${HAGEN_APPLICATION_PASSWORD:?is missing in the environment file}"
: "${DATA_SOURCE_PASS:?is missing in the environment file}"
export HAGEN_APPLICATION_PASSWORD DATA_SOURCE_PASS

# The psql variables carry names and values; nothing is pasted into SQL.
"$psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --set=database=orders --set=application=orders --set=monitoring=monitor \
    --dbname="$1" <<'SQL'
\set application_password `printenv HAGEN_APPLICATION_PASSWORD`
\set monitoring_password `printenv DATA_SOURCE_PASS`
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I LOGIN', :'application')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'application') \gexec
ALTER ROLE :"application" LOGIN PASSWORD :'application_password';

SELECT format('CREATE ROLE %I LOGIN', :'monitoring')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'monitoring') \gexec
ALTER ROLE :"monitoring" LOGIN CONNECTION LIMIT 5 PASSWORD :'monitoring_password';
GRANT pg_monitor TO :"monitoring";

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'application')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SQL

# WAL is archived from now on. A store that cannot be reached must not keep the cluster from starting: an alert tells.
if ! pgbackrest --config=/etc/patroni/pgbackrest.conf --stanza=main --no-online stanza-create; then
    echo 'post-init: the stanza could not be created; archiving fails until backup.sh has done it' >&2
fi
