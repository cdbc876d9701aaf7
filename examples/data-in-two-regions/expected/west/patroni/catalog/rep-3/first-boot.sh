#!/usr/bin/env bash
# Prepares host rep-3 for cluster catalog: makes the directories and checks everything else
# that must be there. It starts nothing, writes no secret, and may be run again. As root it also sets owners; in a test an
# unprivileged user runs everything as himself.
set -euo pipefail

problems=0
complain() {
    echo "first-boot: $*" >&2
    problems=$((problems + 1))
}

account=postgres
root=false
if [ "$(id -u)" = 0 ]; then
    root=true
fi

# directory PATH OWNER MODE
directory() {
    if "$root"; then
        if ! id -u "$2" >/dev/null 2>&1; then
            complain "there is no account $2"
            return
        fi
        # Only the directory itself: what is above it belongs to the host.
        mkdir -p -- "$1"
        chown "$2:" -- "$1"
    else
        mkdir -p -- "$1"
    fi
    chmod "$3" -- "$1"
}

directory /var/lib/etcd/hagen etcd 0700
directory /run/postgresql postgres 2775
directory /var/log/postgresql postgres 2750
directory /run/hagen-catalog-haproxy haproxy 0750
directory /var/lib/postgresql/16/catalog postgres 0700
directory /var/lib/postgresql/16/catalog-spool postgres 0700
directory /run/postgresql/pgbackrest-catalog postgres 0770

# Beside the data backups are tried and old data is moved aside, by the account.
beside=/var/lib/postgresql/16
if "$root" && [ "$(stat -c %U -- "$beside")" != "$account" ]; then
    complain "$beside must belong to $account"
fi

command -v etcd >/dev/null || complain 'not installed:' etcd
command -v patroni >/dev/null || complain 'not installed:' patroni
command -v /usr/lib/postgresql/16/bin/postgres >/dev/null || complain 'not installed:' /usr/lib/postgresql/16/bin/postgres
command -v /usr/lib/postgresql/16/bin/pg_rewind >/dev/null || complain 'not installed:' /usr/lib/postgresql/16/bin/pg_rewind
command -v /usr/lib/postgresql/16/bin/psql >/dev/null || complain 'not installed:' /usr/lib/postgresql/16/bin/psql
command -v curl >/dev/null || complain 'not installed:' curl
command -v pgbackrest >/dev/null || complain 'not installed:' pgbackrest
command -v haproxy >/dev/null || complain 'not installed:' haproxy
command -v pgbouncer >/dev/null || complain 'not installed:' pgbouncer

# Debian's package makes and starts a cluster of its own: Patroni would take its data for a member's, or find its socket taken.
data=/var/lib/postgresql/16/catalog
if command -v pg_lsclusters >/dev/null; then
    while read -r version name port status _ place _; do
        remove="if nothing in it is wanted: pg_dropcluster --stop $version $name (create_main_cluster = false in /etc/postgresql-common/createcluster.conf keeps the package from making one)"
        if [ "$place" = "$data" ]; then
            complain "$data is the cluster $version $name of the package (port $port, $status), and no member; $remove"
        elif [ "$port" = 5432 ]; then
            complain "the cluster $version $name of the package ($status) has port $port; $remove, else give it another port"
        fi
    done < <(pg_lsclusters --no-header)
fi
# Once this member runs it listens itself.
if [ ! -f "$data/postmaster.pid" ] && (exec 3<>/dev/tcp/10.2.3.21/5432) 2>/dev/null; then
    complain 'another program listens where PostgreSQL is to:' 10.2.3.21 5432
fi

[ -r /etc/patroni/etcd.yml ] || complain 'not copied:' /etc/patroni/etcd.yml
[ -r /etc/patroni/patroni.yml ] || complain 'not copied:' /etc/patroni/patroni.yml
[ -r /etc/patroni/post-init.sh ] || complain 'not copied:' /etc/patroni/post-init.sh
[ -r /etc/patroni/pgbackrest.conf ] || complain 'not copied:' /etc/patroni/pgbackrest.conf
[ -r /etc/patroni/backup.sh ] || complain 'not copied:' /etc/patroni/backup.sh
[ -r /etc/patroni/backup-server.sh ] || complain 'not copied:' /etc/patroni/backup-server.sh
[ -r /etc/patroni/recover.sh ] || complain 'not copied:' /etc/patroni/recover.sh
[ -r /etc/patroni/start-over.sh ] || complain 'not copied:' /etc/patroni/start-over.sh
[ -r /etc/patroni/login.sh ] || complain 'not copied:' /etc/patroni/login.sh
[ -r /etc/patroni/subscribe.sh ] || complain 'not copied:' /etc/patroni/subscribe.sh
[ -r /etc/patroni/subscriber.sh ] || complain 'not copied:' /etc/patroni/subscriber.sh
[ -r /etc/patroni/haproxy.cfg ] || complain 'not copied:' /etc/patroni/haproxy.cfg
[ -r /etc/patroni/hold.sh ] || complain 'not copied:' /etc/patroni/hold.sh
[ -r /etc/patroni/pgbouncer.ini ] || complain 'not copied:' /etc/patroni/pgbouncer.ini

# environment_file PATH VARIABLE…: the README names the variables of each. Values are never printed.
environment_file() {
    local file=$1 variable
    shift
    if [ ! -f "$file" ]; then
        complain "$file is missing"
        return
    fi
    case $(stat -c %a -- "$file") in
        ?00) ;;
        *) complain "$file must be readable by its owner alone (mode 0600)" ;;
    esac
    for variable in "$@"; do
        grep -Eq "^$variable=.+" -- "$file" || complain "$file does not set $variable"
    done
    if "$root" && [ "$(stat -c %U -- "$file")" != root ] && [ "$(stat -c %U -- "$file")" != "$account" ]; then
        complain "$file must belong to root or $account"
    fi
}

environment_file /etc/patroni/catalog.env PATRONI_SUPERUSER_PASSWORD PATRONI_REPLICATION_PASSWORD PATRONI_REWIND_PASSWORD PATRONI_RESTAPI_PASSWORD HAGEN_APPLICATION_PASSWORD DATA_SOURCE_PASS PGBACKREST_REPO1_S3_KEY PGBACKREST_REPO1_S3_KEY_SECRET

# The subscription logs in by it, on whichever member is primary.
if [ ! -s /etc/patroni/subscription.pgpass ]; then
    complain /etc/patroni/subscription.pgpass 'is missing: the login of the subscription, see the README'
elif [ "$(stat -c %a -- /etc/patroni/subscription.pgpass)" != 600 ]; then
    complain /etc/patroni/subscription.pgpass 'must have mode 0600, or PostgreSQL does not read it'
fi
environment_file /etc/patroni/catalog-pool.env PGPASSWORD

users=/etc/patroni/userlist.txt
if [ ! -f "$users" ]; then
    complain "$users is missing: the users of PgBouncer, see the README"
elif [ "$(stat -c %a -- "$users")" != 600 ] && [ "$(stat -c %a -- "$users")" != 400 ]; then
    complain "$users must be readable by its owner alone (mode 0600)"
elif "$root" && [ "$(stat -c %U -- "$users")" != "$account" ]; then
    complain "$users must belong to $account"
fi

certificates=/etc/hagen/tls
for file in tls.crt tls.key ca.crt; do
    [ -r "$certificates/$file" ] || complain "$certificates/$file is missing"
done
if [ -f "$certificates/tls.key" ]; then
    # PostgreSQL takes a key of its own with mode 0600, or one of root that a group may read.
    case $(stat -c %a -- "$certificates/tls.key") in
        600 | 400 | 640 | 440) ;;
        *) complain "$certificates/tls.key must have mode 0600, or 0640 and belong to root" ;;
    esac
fi

# Members read each other's files for backups, by this name (tls-server-auth). The address is looked for among the DNS names:
# an older pgBackRest does not read IP addresses in a certificate. Without either, backups would read the primary for ever.
name=postgres-catalog
address=10.2.3.21
if command -v openssl >/dev/null && [ -r "$certificates/tls.crt" ]; then
    openssl x509 -in "$certificates/tls.crt" -noout -subject -nameopt multiline | tr -d ' ' | grep -Fx -e "commonName=$name" >/dev/null ||
        complain "$certificates/tls.crt must have the common name $name"
    openssl x509 -in "$certificates/tls.crt" -noout -ext subjectAltName 2>/dev/null | tr -d ' ' | tr , '\n' | grep -Fix -e "DNS:$address" >/dev/null ||
        complain "$certificates/tls.crt must name $address as a DNS name, too"
fi

if [ "$problems" -gt 0 ]; then
    echo "first-boot: $problems to mend before the first start" >&2
    exit 1
fi
echo 'first-boot: ready'
