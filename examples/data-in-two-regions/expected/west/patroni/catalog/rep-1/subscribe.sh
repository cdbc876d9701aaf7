#!/usr/bin/env bash
# Makes this region a subscriber of the primary one: copies the schema, then subscribes. Run it once, on the primary member
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

: "${HAGEN_APPLICATION_PASSWORD:?is missing in the environment}"
: "${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment}"
if [ ! -f "$passfile" ]; then
    echo "$passfile is missing: one line HOST:PORT:*:$replication:PASSWORD, mode 0600" >&2
    exit 1
fi

PGPASSWORD=$HAGEN_APPLICATION_PASSWORD "$bin/pg_dump" --schema-only --no-publications --no-subscriptions \
    --dbname="host=$endpoint port=$endpoint_port dbname=$database user=$application $tls" |
    PGPASSWORD=$HAGEN_APPLICATION_PASSWORD "$bin/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --single-transaction \
        --host=/run/postgresql --port=5432 --username="$application" --dbname="$database"

# The slot is a permanent one of the primary region: it outlives a failover there (R-PG-29).
PGPASSWORD=$PATRONI_SUPERUSER_PASSWORD "$bin/psql" --no-psqlrc --set=ON_ERROR_STOP=1 \
    --host=/run/postgresql --port=5432 --username=postgres --dbname="$database" \
    --set=subscription=hagen --set=publication=hagen --set=slot=subscriber_west \
    --set=source="host=$endpoint port=$endpoint_port dbname=$database user=$replication passfile=$passfile $tls" <<'SQL'
CREATE SUBSCRIPTION :"subscription" CONNECTION :'source' PUBLICATION :"publication"
    WITH (create_slot = false, slot_name = :'slot');
SQL
