//! PgBouncer on Kubernetes, with its exporter.

use serde::Serialize;
use serde_json::{Value, json};

use super::site::{self, Part, Site, TLS, mount, read};
use crate::blueprint::units::Duration;
use crate::blueprint::{PostgresRole, names, raw};
use crate::render::Jobs;
use crate::render::kubernetes::common;
use crate::render::patroni::dcs;

/// How long a Service may go on leading to a pod that ends.
const FORGET: u64 = 10;

#[derive(Serialize)]
struct Context {
    pool: String,
    replicas: u32,
    image: String,
    port: u16,
    config: String,
    digest: String,
    grace: u64,
    pre_stop: Value,
    tolerations: Value,
    spread: Value,
    resources: Value,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
    exporter: Option<Exporter>,
    policy: Value,
    monitor: Option<Value>,
}

#[derive(Serialize)]
struct Exporter {
    image: String,
    args: Vec<String>,
    env: Vec<Value>,
    port: u16,
}

/// The file of the pool, where there is one.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let spec = &site.cluster.spec;
    let (true, Some(image)) = (site.cluster.has_pool(), &spec.pool.image) else { return };
    let pool = names::postgres_pool(&site.cluster.name);
    let config = config(site);
    let finish = longest_call(site).secs() + 5;
    let mut mounts =
        vec![read("config", "/etc/pgbouncer"), read("users", "/etc/pgbouncer-users"), mount("tmp", "/tmp")];
    let users = site.cluster.credentials.application.secret.as_str();
    let mut volumes = vec![
        json!({"name": "config", "configMap": {"name": pool}}),
        json!({"name": "users", "secret": {"secretName": users, "defaultMode": 0o440, "items": [{"key": names::POOL_USERS, "path": names::POOL_USERS}]}}),
        json!({"name": "tmp", "emptyDir": {}}),
    ];
    if let Some(secret) = site.tls_secret() {
        mounts.push(read("tls", TLS));
        volumes.push(site::secret_volume("tls", &secret));
    }
    let exporter = site.exporters().and_then(|e| e.pgbouncer.as_ref()).map(|image| exporter(site, image));
    let metrics: &[(&str, bool)] = if exporter.is_some() { &[("metrics", false)] } else { &[] };
    let context = Context {
        replicas: spec.pool.replicas,
        image: image.to_string(),
        port: spec.pool.port,
        digest: site::digest(&config),
        config,
        grace: FORGET + finish,
        // Wait, ask it to finish, wait for it: the hook ends with the container. What remains after that is cut off.
        pre_stop: json!({"exec": {"command": ["/bin/sh", "-c", format!("sleep {FORGET}; kill -INT 1; sleep {finish}")]}}),
        tolerations: common::tolerations(Duration::from_secs(30)),
        spread: site.free_spread(Part::Pool),
        resources: site::resources(&spec.pool.resources),
        mounts,
        volumes,
        policy: policy(site, &pool),
        monitor: site.monitor(&pool, Part::Pool, metrics),
        exporter,
        pool,
    };
    site.push(jobs, Part::Pool, "patroni/kubernetes/pool.yaml.tera", context);
}

/// The longest call of a client through the pool; 30 s where none is stated.
fn longest_call(site: &Site<'_>) -> Duration {
    let callers = common::callers(site.blueprint, &format!("postgres.{}", site.cluster.name));
    callers.iter().filter_map(|(_, need)| need.spec.timeout).max().unwrap_or(Duration::from_secs(30))
}

fn exporter(site: &Site<'_>, image: &raw::Image) -> Exporter {
    let mode = if site.cluster.spec.tls.is_some() { "require" } else { "disable" };
    let address = format!(
        "host=127.0.0.1 port={} user={} dbname=pgbouncer sslmode={mode}",
        site.cluster.spec.pool.port,
        dcs::MONITORING
    );
    Exporter {
        image: image.to_string(),
        args: vec![
            format!("--web.listen-address=:{}", names::PORT_PGBOUNCER_EXPORTER),
            format!("--pgBouncer.connectionString={address}"),
        ],
        env: vec![site::secret("PGPASSWORD", &site.cluster.credentials.monitoring)],
        port: names::PORT_PGBOUNCER_EXPORTER,
    }
}

fn policy(site: &Site<'_>, pool: &str) -> Value {
    let spec = &site.cluster.spec;
    let ports = [spec.ports.postgres, spec.router.replica_port];
    let ports = if site.cluster.has_router() { &ports[..] } else { &ports[..1] };
    site.policy(
        pool,
        Part::Pool,
        vec![
            common::allow_from(common::postgres_peers(site.blueprint, &site.cluster.name, true), [spec.pool.port]),
            common::allow_from(site.scrapers(), [names::PORT_PGBOUNCER_EXPORTER]),
        ],
        vec![
            common::allow_to(vec![site.peer(site.front())], ports.iter().copied()),
            elsewhere(site).and_then(|host| common::allow_to(common::hosts([host.as_str()]), [spec.ports.postgres])),
        ],
    )
}

/// Where the writer is, when it is in another region.
fn elsewhere(site: &Site<'_>) -> Option<String> {
    if site.role == PostgresRole::Primary { None } else { site.cluster.endpoint(&site.cluster.primary_region) }
}

/// pgbouncer.ini. Every word in it is a number, a name that needs no quotes, or a constant.
fn config(site: &Site<'_>) -> String {
    let spec = &site.cluster.spec;
    let (database, size, clients) = (&site.cluster.database, spec.pool.size, spec.pool.clients);
    let (writer, why) = match elsewhere(site) {
        Some(endpoint) => {
            (endpoint, "; The writer is in the primary region; after a promotion this is rendered anew.\n")
        }
        None => (site.object.clone(), ""),
    };
    let replicas = names::postgres_replicas(&site.cluster.name);
    let (port, own) = (spec.ports.postgres, spec.pool.port);
    let (monitoring, users_key) = (dcs::MONITORING, names::POOL_USERS);
    let mode = match spec.pool.mode {
        raw::PoolMode::Transaction => "transaction",
        raw::PoolMode::Session => "session",
    };
    let encryption = if spec.tls.is_some() {
        format!(
            "
client_tls_sslmode = require
client_tls_cert_file = {TLS}/tls.crt
client_tls_key_file = {TLS}/tls.key
client_tls_ca_file = {TLS}/ca.crt
; The server behind the Service changes, so its certificate is checked against the authority and not against a name.
server_tls_sslmode = verify-ca
server_tls_ca_file = {TLS}/ca.crt
"
        )
    } else {
        String::new()
    };
    // Since 1.21; without it what drivers prepare is not there on the next connection.
    let prepared = match (spec.pool.mode, spec.pool.prepared_statements) {
        (raw::PoolMode::Transaction, count) if count > 0 => format!("max_prepared_statements = {count}\n"),
        _ => String::new(),
    };
    format!(
        "; It does not follow a failover itself (X-PT-9): the Service of the primary does.
; Its users and their passwords stand in a Secret that is mounted and written by nobody here: no secret is ever rendered.
[databases]
{why}{database} = host={writer} port={port} dbname={database}
{database}_replica = host={replicas} port={port} dbname={database}

[pgbouncer]
listen_addr = *
listen_port = {own}
unix_socket_dir = /tmp
auth_type = scram-sha-256
auth_file = /etc/pgbouncer-users/{users_key}
; Reads statistics, for the exporter.
stats_users = {monitoring}

pool_mode = {mode}
; What all pools together open at the primary must fit max_connections (X-PG-6).
default_pool_size = {size}
max_db_connections = {size}
max_client_conn = {clients}
; What drivers send and a pool cannot honour for a server that is shared.
ignore_startup_parameters = extra_float_digits

{prepared}
; After a failover the pool tries again every second instead of every 15.
server_login_retry = 1
server_connect_timeout = 5
server_check_delay = 10
server_check_query = select 1
server_lifetime = 3600
server_idle_timeout = 600
; A query waits this long for a connection: a failover fits in, a hung application does not pile up for ever.
query_wait_timeout = 60
; A server that lost its power is gone after 10 s + 3 x 5 s, one that takes no more data after 15 s.
tcp_keepalive = 1
tcp_keepidle = 10
tcp_keepintvl = 5
tcp_keepcnt = 3
tcp_user_timeout = 15000
{encryption}
log_connections = 0
log_disconnections = 0
log_pooler_errors = 1
"
    )
}
