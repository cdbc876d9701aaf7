#!/usr/bin/env bash
# What logical replication does not carry, one step each (R-PG-28, F-PG-07). Run it on the primary member of this region, as the
# account of PostgreSQL, with the environment file; the README beside it tells when.
#
#   subscriber.sh status           how far the copy is, and which tables are not copied yet
#   subscriber.sh compare          what differs: schema (DDL is not carried), roles, large objects; tables without an identity
#   subscriber.sh refresh          after new tables exist on both sides: their rows come, too
#   subscriber.sh sequences        sets every sequence here to where it stands over there, plus a margin
#   subscriber.sh take-over --fenced
#                                  ends the subscription and sets every sequence behind the highest value in its column; says that
#                                  nobody can write in the other region any more
#
# Status 0: all is well, or done. 1: something failed or differs. 2: asked for in a wrong way.
set -euo pipefail
umask 077

bin=/usr/lib/postgresql/16/bin
database=orders
application=orders
endpoint=catalog.east.db.example.com
endpoint_port=5000
subscription=hagen
# What the other side may hand out between two looks: a sequence that is too high costs numbers, one that is too low costs rows.
margin=10000
tls='sslmode=verify-full sslrootcert='/etc/hagen/tls/ca.crt

usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' -- "$0"; }
case "${1:-} ${2:-}" in
    'status ' | 'compare ' | 'refresh ' | 'sequences ' | 'take-over --fenced') ;;
    '--help ' | '-h ') usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
variable=HAGEN_APPLICATION_PASSWORD
application_password=${!variable:?$variable is missing in the environment}
: "${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment}"

here() {
    PGPASSWORD=$PATRONI_SUPERUSER_PASSWORD "$bin/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --tuples-only --no-align \
        --host=/run/postgresql --port=5432 --username=postgres --dbname="$database" "$@"
}
there() {
    PGPASSWORD=$application_password "$bin/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --tuples-only --no-align \
        --dbname="host=$endpoint port=$endpoint_port dbname=$database user=$application $tls" "$@"
}
schema_of() { # here|there
    local connection
    if [ "$1" = here ]; then
        connection="host=/run/postgresql port=5432 dbname=$database user=$application"
    else
        connection="host=$endpoint port=$endpoint_port dbname=$database user=$application $tls"
    fi
    PGPASSWORD=$application_password "$bin/pg_dump" --schema-only --no-publications --no-subscriptions --dbname="$connection" |
        # Two dumps of one schema differ in these lines alone.
        grep -Ev '^(--|\\(un)?restrict|$)'
}

status() {
    here --set=subscription="$subscription" <<'SQL'
SELECT format('%s: %s, received %s, %s s behind the last message', s.subname,
              CASE WHEN NOT s.subenabled THEN 'switched off' WHEN w.pid IS NULL THEN 'not connected: the log says why' ELSE 'running' END,
              coalesce(w.received_lsn::text, 'nothing'),
              coalesce(round(extract(epoch FROM now() - w.last_msg_receipt_time))::text, '?'))
  FROM pg_subscription s LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
 WHERE s.subname = :'subscription';
SELECT format('not copied yet: %s', srrelid::regclass) FROM pg_subscription_rel WHERE srsubstate <> 'r';
SQL
}

compare() {
    local work found=0
    work=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf -- '$work'" EXIT
    schema_of there > "$work/there"
    schema_of here > "$work/here"
    if ! diff --unified=1 --label there --label here "$work/there" "$work/here"; then
        echo 'schema: differs, above. Additions HERE first, then there; removals and new constraints THERE first, then here'
        found=1
    fi
    there --command="SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1" > "$work/there"
    here --command="SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1" > "$work/here"
    if ! diff --unified=0 --label there --label here "$work/there" "$work/here"; then
        echo 'roles: differ, above. CREATE ROLE and GRANT on both sides; passwords are not copied either'
        found=1
    fi
    if [ "$(there --command='SELECT count(*) FROM pg_largeobject_metadata')" != 0 ]; then
        echo 'large objects: there are some, and they are not carried. Move them into bytea columns, or copy them with pg_dump --large-objects'
        found=1
    fi
    there --command="SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND (c.relreplident = 'n' OR (c.relreplident = 'd'
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)))" > "$work/there"
    if [ -s "$work/there" ]; then
        sed 's/^/no identity: /' "$work/there"
        echo 'tables without a primary key: UPDATE and DELETE of them fail over there. ALTER TABLE … ADD PRIMARY KEY, or REPLICA IDENTITY FULL'
        found=1
    fi
    [ "$found" = 1 ] || echo 'schema, roles: the same; no large objects; every table has an identity'
    return "$found"
}

sequences() {
    there --field-separator=$'\t' --command="SELECT quote_literal(quote_ident(schemaname) || '.' || quote_ident(sequencename)), coalesce(last_value, 0),
        increment_by FROM pg_sequences" |
        while IFS=$'\t' read -r name last increment; do
            here --command="SELECT format('%s: %s', $name, setval($name::regclass, least(greatest($last + sign($increment)::bigint * $margin, seqmin), seqmax)))
                FROM pg_sequence WHERE seqrelid = $name::regclass" || echo "not set: $name" >&2
        done
}

# Behind what is in the tables: a sequence over there can no longer be asked.
sequences_from_tables() {
    # One that cannot be set must not keep the others from it.
    here --set=ON_ERROR_STOP=0 <<'SQL'
-- Behind the highest value, or the lowest one of a sequence that counts down, within its own bounds.
SELECT format('SELECT format(''%%s: %%s'', %L, setval(%L::regclass, least(greatest(coalesce(%s(%I)::bigint, %s), %s), %s))) FROM %I.%I',
              s.oid::regclass, s.oid::regclass, CASE WHEN i.seqincrement < 0 THEN 'min' ELSE 'max' END, a.attname, i.seqstart, i.seqmin, i.seqmax,
              tn.nspname, t.relname)
  FROM pg_depend d
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_sequence i ON i.seqrelid = s.oid
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \gexec
SQL
    here --command="SELECT format('belongs to no column, set it by hand: %s', s.oid::regclass) FROM pg_class s WHERE s.relkind = 'S'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass)"
}

take_over() {
    if [ "$(here --command="SELECT count(*) FROM pg_subscription WHERE subname = '$subscription'")" != 0 ]; then
        here --command="SELECT format('INCOMPLETE, its rows were still on their way: %s', srrelid::regclass) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
        # Without its slot: the region that it is kept in may be away.
        here --command="ALTER SUBSCRIPTION $subscription DISABLE" --command="ALTER SUBSCRIPTION $subscription SET (slot_name = NONE)" \
            --command="DROP SUBSCRIPTION $subscription"
        echo 'the subscription has ended; its slot over there keeps WAL until somebody drops it'
    fi
    sequences_from_tables
    echo 'now: what compare found the last time (roles, large objects) is missing here. Then send the services here'
}

case "${1:-} ${2:-}" in
    'status ') status ;;
    'compare ') compare ;;
    'refresh ') here --command="ALTER SUBSCRIPTION $subscription REFRESH PUBLICATION" && status ;;
    'sequences ') sequences ;;
    'take-over --fenced') take_over ;;
esac
