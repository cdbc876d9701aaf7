#!/usr/bin/env bash
# Makes this region a subscriber of the primary one: copies the schema, then subscribes. Run it on the primary member
# of this region. A subscriber receives neither DDL nor sequences and cannot be promoted (R-PG-28).
set -euo pipefail
umask 077

bin=/usr/lib/postgresql/16/bin
database=orders
application=orders
replication=replicator
endpoint=catalog.east.db.example.com
endpoint_port=5000
passfile=/etc/patroni/subscription.pgpass
tls='sslmode=verify-full sslrootcert='/etc/hagen/tls/ca.crt

variable=HAGEN_APPLICATION_PASSWORD
application_password=${!variable:?$variable is missing in the environment}
: "${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment}"
if [ ! -f "$passfile" ]; then
    echo "$passfile is missing: one line HOST:PORT:*:$replication:PASSWORD, mode 0600" >&2
    exit 1
fi

here() {
    PGPASSWORD=$PATRONI_SUPERUSER_PASSWORD "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
        --host=/run/postgresql --port=5432 --username=postgres --dbname="$database" "$@"
}
if [ "$(here --command='SELECT pg_is_in_recovery()')" != f ]; then
    echo 'this member is no primary' >&2
    exit 3
fi
subscription=hagen
if [ "$(here --command="SELECT count(*) FROM pg_subscription WHERE subname = '$subscription'")" != 0 ]; then
    echo 'subscribed already'
    exit 0
fi

# A first run may have ended behind the schema.
tables=$(here --command="SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'")
if [ "$tables" != 0 ]; then
    echo "there are $tables tables here already: the schema is not copied again, compare it"
else
    PGPASSWORD=$application_password "$bin/pg_dump" --schema-only --no-publications --no-subscriptions \
        --dbname="host=$endpoint port=$endpoint_port dbname=$database user=$application $tls" |
        PGPASSWORD=$application_password "$bin/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --single-transaction \
            --host=/run/postgresql --port=5432 --username="$application" --dbname="$database"
fi

# The slot is as old as the cluster over there, and the copy of the tables is of now: what lies before it is not wanted, and a
# table that was dropped since would stop it.
PGPASSFILE=$passfile "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --set=slot=subscriber_west \
    --dbname="host=$endpoint port=$endpoint_port dbname=$database user=$replication $tls" <<'SQL'
SELECT 'reads from ' || end_lsn FROM pg_replication_slot_advance(:'slot', pg_current_wal_lsn());
SQL

# The slot is a permanent one of the primary region: it outlives a failover there (R-PG-29).
here --set=subscription="$subscription" --set=publication=hagen --set=slot=subscriber_west \
    --set=source="host=$endpoint port=$endpoint_port dbname=$database user=$replication passfile=$passfile $tls" <<'SQL'
CREATE SUBSCRIPTION :"subscription" CONNECTION :'source' PUBLICATION :"publication"
    WITH (create_slot = false, slot_name = :'slot');
SQL
echo 'subscribed; subscriber.sh status says how far it is'
