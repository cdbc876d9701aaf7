#!/usr/bin/env bash
# New passwords for roles of cluster catalog, without a client that is refused. On the primary; "New passwords and certificates" of the page says when.
#
#   login.sh set ROLE <FILE        ROLE logs in with the first line of FILE from now on; who is connected stays
#   login.sh add ROLE <FILE        a second login for the services: what ROLE makes belongs to the owner of the database, and it may do all that he may
#   login.sh end ROLE [SECONDS]    ROLE logs in no more; refused where a connection of ROLE did anything in the last SECONDS, 60 if none
#                                  are given. Connections that were idle for longer, such as those that a pool keeps, are closed
#   login.sh list                  who may log in, and how many are connected as whom
#
# A password reaches the server on standard input, with the server's logging off: it stands on no command line and in no log.
set -euo pipefail

psql=/usr/lib/postgresql/16/bin/psql
database=orders
export PGPASSWORD=${PATRONI_SUPERUSER_PASSWORD:?is missing in the environment}
# The members' own, and Patroni's: they end with the cluster and not before.
keep='postgres replicator rewinder monitor'

refuse() { printf 'login.sh: refused: %s\n' "$*" >&2; exit 3; }
misused() { printf 'login.sh: %s\n' "$*" >&2; sed -n '4,8s/^# \{0,1\}//p' -- "$0" >&2; exit 2; }
ask() {
    "$psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --host=/run/postgresql --port=5432 \
        --username=postgres --set=role="${role:-}" --set=database="$database" --dbname="$database" "$@"
}

action=${1:-}
role=${2:-}
case $action in
    list) [ $# = 1 ] || misused "list takes no role" ;;
    set | add | end)
        [ $# = 2 ] || { [ "$action" = end ] && [ $# = 3 ]; } || misused "$action takes one role"
        case ${3:-60} in '' | *[!0-9]*) misused "SECONDS is a number" ;; esac
        case $role in '' | *[!a-z0-9_]* | [0-9]* | pg_*) misused "a role has lower-case letters, digits and underscores" ;; esac
        ;;
    *) misused "set, add, end or list" ;;
esac
[ "$(ask --command='SELECT pg_is_in_recovery()')" = f ] || refuse "this member is no primary"

# The first line of standard input, for psql to read from its own environment.
password() {
    IFS= read -r NEW_PASSWORD || [ -n "$NEW_PASSWORD" ] || misused "no password on standard input"
    case $NEW_PASSWORD in ????????????*) ;; *) refuse "a password of fewer than 12 characters" ;; esac
    export NEW_PASSWORD
}
quiet="SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic'; SET password_encryption = 'scram-sha-256';"

case $action in
    set)
        [ "$(ask <<<"SELECT count(*) FROM pg_roles WHERE rolname = :'role'")" = 1 ] || refuse "there is no role $role"
        password
        ask <<SQL
\set password \`printenv NEW_PASSWORD\`
$quiet
ALTER ROLE :"role" PASSWORD :'password';
SQL
        echo "$role: a new connection wants the new password"
        ;;
    add)
        case " $keep " in *" $role "*) refuse "$role is no login of services" ;; esac
        password
        ask <<SQL
\set password \`printenv NEW_PASSWORD\`
$quiet
BEGIN;
SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = :'database' \gset
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
-- The owner himself needs no membership in himself.
SELECT format('GRANT %I TO %I', :'owner', :'role') WHERE :'owner' <> :'role' \gexec
SELECT format('ALTER ROLE %I IN DATABASE %I SET role = %L', :'role', :'database', :'owner') WHERE :'owner' <> :'role' \gexec
COMMIT;
SQL
        echo "$role: may log in"
        ;;
    end)
        case " $keep " in *" $role "*) refuse "$role is no login of services" ;; esac
        others=$(ask <<<"SELECT count(*) FROM pg_roles r WHERE rolcanlogin AND rolname <> :'role' AND NOT rolsuper AND pg_has_role(r.oid, (SELECT datdba FROM pg_database WHERE datname = :'database'), 'MEMBER')")
        [ "$others" != 0 ] || refuse "nobody else could log in for the services: add first"
        # A pool's idle connections are nobody's: whether somebody still uses the role shows in what they did last.
        used=$(ask --set=idle="${3:-60}" <<<"SELECT count(*) FROM pg_stat_activity WHERE usename = :'role' AND (state <> 'idle' OR state_change > clock_timestamp() - make_interval(secs => :idle))")
        [ "$used" = 0 ] || refuse "$used connections of $role are in use, or were in the last ${3:-60} s"
        ask >/dev/null <<'SQL'
ALTER ROLE :"role" NOLOGIN PASSWORD NULL;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :'role';
SQL
        echo "$role: logs in no more"
        ;;
    list)
        ask <<<"SELECT rolname || ': ' || (SELECT count(*) FROM pg_stat_activity WHERE usename = rolname) || ' connected' FROM pg_roles WHERE rolcanlogin ORDER BY rolname"
        ;;
esac
