//! HAProxy on Kubernetes: the same checks as on hosts, against the members' host names.

use serde::Serialize;
use serde_json::{Value, json};

use super::site::{self, Part, Site, TLS, mount, read};
use crate::blueprint::units::Duration;
use crate::blueprint::{PostgresRole, names};
use crate::render::Jobs;
use crate::render::kubernetes::common;
use crate::render::patroni::router::{Detection, RISE, detection};

#[derive(Serialize)]
struct Context {
    router: String,
    replicas: usize,
    image: String,
    config: String,
    digest: String,
    primary_port: u16,
    replicas_port: u16,
    metrics_port: u16,
    pre_stop: Value,
    tolerations: Value,
    spread: Value,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
    policy: Value,
    monitor: Option<Value>,
}

/// How many routers: one a zone, at least two (R-K8-24).
pub(super) fn replicas(site: &Site<'_>) -> usize {
    site.region.spec.zones.len().clamp(2, 3)
}

/// The file of the router, where it has an image.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let spec = &site.cluster.spec;
    let Some(image) = &spec.router.image else { return };
    let router = names::postgres_router(&site.cluster.name);
    let config = config(site);
    let mut mounts = vec![read("config", "/etc/haproxy"), mount("run", "/run")];
    let mut volumes =
        vec![json!({"name": "config", "configMap": {"name": router}}), json!({"name": "run", "emptyDir": {}})];
    if let Some(secret) = site.tls_secret() {
        mounts.push(read("tls", TLS));
        // The authority alone: the router passes encrypted sessions on and needs no key.
        volumes.push(json!({"name": "tls", "secret": {"secretName": secret, "defaultMode": 0o440, "items": [{"key": "ca.crt", "path": "ca.crt"}]}}));
    }
    let context = Context {
        replicas: replicas(site),
        image: image.to_string(),
        digest: site::digest(&config),
        config,
        primary_port: spec.ports.postgres,
        replicas_port: spec.router.replica_port,
        metrics_port: spec.router.metrics_port,
        // SIGTERM ends HAProxy at once; SIGUSR1 lets it finish what runs, up to hard-stop-after.
        pre_stop: json!({"exec": {"command": ["/bin/sh", "-c", "sleep 10; kill -USR1 1; sleep 15"]}}),
        tolerations: common::tolerations(Duration::from_secs(30)),
        spread: site.free_spread(Part::Router),
        mounts,
        volumes,
        policy: policy(site, &router),
        monitor: site.monitor(&router, Part::Router, &[("metrics", false)]),
        router,
    };
    site.push(jobs, Part::Router, "patroni/kubernetes/router.yaml.tera", context);
}

fn policy(site: &Site<'_>, router: &str) -> Value {
    let spec = &site.cluster.spec;
    let clients = [spec.ports.postgres, spec.router.replica_port];
    let mut callers = common::postgres_peers(site.blueprint, &site.cluster.name, false);
    callers.extend(site.cluster.has_pool().then(|| site.peer(Part::Pool)));
    // Another region streams from here, and its pools write here, through the internal balancer: from addresses of one's own
    // networks that are not known here. Who may log in is decided by certificates and passwords.
    let outside = if spec.cross_region.is_some() { common::private() } else { Vec::new() };
    site.policy(
        router,
        Part::Router,
        vec![
            common::allow_from(callers, clients),
            common::allow_from(outside, [spec.ports.postgres]),
            common::allow_from(site.scrapers(), [spec.router.metrics_port]),
        ],
        vec![common::allow_to(vec![site.peer(Part::Database)], [spec.ports.postgres, spec.ports.rest])],
    )
}

/// haproxy.cfg. Every word in it is a number, a name of the blueprint (letters, digits, `-`) or a constant.
fn config(site: &Site<'_>) -> String {
    let spec = &site.cluster.spec;
    let Detection { fall, timeout, .. } = detection(spec);
    let interval = spec.router.interval.millis();
    let fast = interval.min(1000);
    let encrypted =
        if spec.tls.is_some() { format!(" check-ssl verify required ca-file {TLS}/ca.crt") } else { String::new() };
    // In a standby region the leader of the standby cluster is what clients are led to: it answers reads, and it takes writes
    // from the moment that it is promoted, without a change here.
    let standby = site.role == PostgresRole::Standby;
    let (leader, follower) = if standby { ("/leader", "/read-only") } else { ("/primary", "/replica") };
    let lag = spec.failover.maximum_lag.get();
    let (port, rest) = (spec.ports.postgres, spec.ports.rest);
    let server = |(pod, host): &(String, String)| {
        // The certificate is checked against the host's name.
        let named = if spec.tls.is_some() { format!(" verifyhost {host}") } else { String::new() };
        format!("    server {pod} {host}:{port} check port {rest}{named}\n")
    };
    let servers: String = site.members().iter().map(server).collect();
    let (postgres, replica, metrics) = (spec.ports.postgres, spec.router.replica_port, spec.router.metrics_port);
    let clients = (2 * spec.pool.clients).max(1000);
    format!(
        "# It asks Patroni and never the database's port: a primary that was cut off still answers there (R-PG-20, X-PT-4).
global
    log stdout format raw local0 info
    maxconn {clients}
    # At its end: sessions that still run get so long.
    hard-stop-after 15s

# Members are found by name, again and again: a pod comes back with another address.
resolvers cluster
    parse-resolv-conf
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 5s
    hold obsolete 30s
    # The cluster's DNS may be away for long: the last address is then better than none, and the checks say whether it answers.
    hold nx 1h
    hold refused 1h
    hold timeout 1h
    hold other 1h

defaults
    log global
    mode tcp
    option tcplog
    option dontlognull
    retries 2
    timeout queue 10s
    timeout connect 4s
    timeout check {timeout}ms
    # Idle connections of pools live long; dead ones are found by the keepalives, not by these.
    timeout client 30m
    timeout server 30m
    # A client or a server that lost its power sends no farewell: it is gone after 10 s + 3 x 5 s.
    option clitcpka
    clitcpka-idle 10s
    clitcpka-intvl 5s
    clitcpka-cnt 3
    option srvtcpka
    srvtcpka-idle 10s
    srvtcpka-intvl 5s
    srvtcpka-cnt 3
    # A lost primary is out before the next one is there: interval x fall + timeout <= ttl - loop_wait (R-PG-39).
    # Sessions to it end at once instead of waiting for TCP (R-PG-40).
    default-server resolvers cluster init-addr last,libc,none inter {interval}ms fastinter {fast}ms downinter {interval}ms fall {fall} rise {RISE} on-marked-down shutdown-sessions tcp-ut 15s{encrypted}

listen primary
    bind :{postgres} tcp-ut 30s
    option httpchk OPTIONS {leader}
    http-check expect status 200
{servers}
listen replicas
    bind :{replica} tcp-ut 30s
    balance leastconn
    # A replica that is further behind than a failover would accept is not read from either.
    option httpchk OPTIONS {follower}?lag={lag}
    http-check expect status 200
{servers}
frontend metrics
    bind :{metrics}
    mode http
    timeout client 10s
    option dontlog-normal
    # The process answers: what liveness asks.
    monitor-uri /health
    # What readiness asks: not once it is told to stop, when only the sessions that it has go on.
    http-request return status 503 if {{ path /ready }} {{ stopping }}
    http-request return status 200 if {{ path /ready }}
    http-request use-service prometheus-exporter if {{ path /metrics }}
"
    )
}
