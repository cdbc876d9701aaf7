//! patroni.yml in a pod: the same for all members; what differs comes from each one's environment.

use serde_json::{Map, Value, json};

use super::members::RUN;
use super::site::{Part, Site, TLS};
use crate::blueprint::{names, raw};
use crate::render::patroni::dcs::{self, Surroundings};
use crate::render::yaml;

/// patroni.yml, with a comment on where the rest is.
pub(super) fn config(site: &Site<'_>) -> String {
    let text = yaml::document(&Value::Object(document(site)));
    format!(
        "# Name, addresses and passwords come from PATRONI_… in each pod's environment. Parameters of PostgreSQL stand in bootstrap.dcs:\n\
         # Patroni ignores those that it controls anywhere else (R-PG-03).\n{text}"
    )
}

fn document(site: &Site<'_>) -> Map<String, Value> {
    let spec = &site.cluster.spec;
    let mut all = Map::new();
    let mut set = |key: &str, value: Value| {
        all.insert(key.to_owned(), value);
    };
    set("scope", site.cluster.scope().into());
    let mut rest = json!({
        "listen": format!("0.0.0.0:{}", spec.ports.rest),
        "authentication": {"username": dcs::REST_USER},
    });
    if spec.tls.is_some() {
        rest["certfile"] = json!(format!("{TLS}/tls.crt"));
        rest["keyfile"] = json!(format!("{TLS}/tls.key"));
        rest["cafile"] = json!(format!("{TLS}/ca.crt"));
        set("ctl", json!({"cacert": format!("{TLS}/ca.crt")}));
    }
    set("restapi", rest);
    if site.has_etcd() {
        // Of the Kubernetes store this key would be the namespace.
        set("namespace", dcs::namespace(&site.blueprint.name).into());
        set("etcd3", etcd(site));
    } else {
        set("kubernetes", kubernetes(site));
    }
    let surroundings = surroundings(site);
    let mut bootstrap = json!({
        "dcs": dcs::section(&surroundings),
        // A new cluster starts empty; to start it from a backup the page of the cluster writes `pgbackrest` here.
        "method": "initdb",
        "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
        "post_bootstrap": "/etc/patroni/post-bootstrap.sh",
    });
    if spec.backup.is_some() {
        bootstrap["pgbackrest"] = json!({
            "command": format!("{} --delta restore", dcs::pgbackrest(site.cluster, None)),
            "keep_existing_recovery_conf": true,
            "no_params": true,
        });
    }
    set("bootstrap", bootstrap);
    set("postgresql", postgresql(site));
    // A pod has no watchdog device: the liveness probe ends a member whose Patroni hangs (F-PT-10).
    let mode = if spec.failover.watchdog == raw::Watchdog::Automatic { "automatic" } else { "off" };
    set("watchdog", json!({"mode": mode}));
    all
}

fn surroundings<'a>(site: &'a Site<'_>) -> Surroundings<'a> {
    Surroundings {
        cluster: site.cluster,
        region: site.region,
        certificates: site.tls_secret().map(|_| TLS.to_owned()),
        // Addresses of pods are not known beforehand: passwords here, NetworkPolicies around it.
        members: Vec::new(),
        clients: vec!["all".to_owned()],
        endpoint_port: site.cluster.spec.ports.postgres,
        pgbackrest: site.cluster.spec.backup.as_ref().map(|_| dcs::pgbackrest(site.cluster, None)),
    }
}

/// The v3 API (R-PG-04), by host names that outlive the pods' addresses.
fn etcd(site: &Site<'_>) -> Value {
    let port = site.cluster.spec.consensus.ports.client;
    let hosts: Vec<String> = site.etcd().iter().map(|(_, host)| format!("{host}:{port}")).collect();
    let mut etcd = json!({"hosts": hosts});
    if site.cluster.spec.tls.is_some() {
        etcd["protocol"] = json!("https");
        etcd["cacert"] = json!(format!("{TLS}/ca.crt"));
        etcd["cert"] = json!(format!("{TLS}/tls.crt"));
        etcd["key"] = json!(format!("{TLS}/tls.key"));
    }
    etcd
}

fn kubernetes(site: &Site<'_>) -> Value {
    json!({
        "namespace": site.blueprint.namespace,
        "labels": site.selector(Part::Database),
        "scope_label": names::PATRONI_SCOPE,
        "role_label": names::PATRONI_ROLE,
        "leader_label_value": "primary",
        "follower_label_value": "replica",
        "standby_leader_label_value": "primary",
        // The keys are ConfigMaps: Endpoints without a Service of their name are swept away.
        "use_endpoints": false,
    })
}

fn postgresql(site: &Site<'_>) -> Value {
    let spec = &site.cluster.spec;
    let mut remote = json!({});
    if spec.tls.is_some() {
        remote = json!({"sslmode": "verify-ca", "sslrootcert": format!("{TLS}/ca.crt")});
    }
    let login = |user: &str| {
        let mut login = remote.clone();
        login["username"] = json!(user);
        login
    };
    let mut section = json!({
        "listen": format!("0.0.0.0:{}", spec.ports.postgres),
        "data_dir": site.data(),
        "bin_dir": site.bin(),
        // Beside the sockets, not below /tmp (R-PG-23).
        "pgpass": format!("{RUN}/.pgpass"),
        "use_unix_socket": true,
        "use_unix_socket_repl": true,
        "authentication": {
            "superuser": {"username": dcs::SUPERUSER},
            "replication": login(dcs::REPLICATION),
            "rewind": login(dcs::REWIND),
        },
        "parameters": {"unix_socket_directories": RUN, "log_destination": "stderr", "logging_collector": "off"},
        "create_replica_methods": ["basebackup"],
        "basebackup": [{"checkpoint": "fast"}],
    });
    if spec.backup.is_some() {
        // A new replica is restored from the backup, which costs the primary nothing; without a backup yet it is copied.
        section["create_replica_methods"] = json!(["pgbackrest", "basebackup"]);
        section["pgbackrest"] = json!({
            "command": format!("{} --delta restore", dcs::pgbackrest(site.cluster, None)),
            "keep_data": true,
            "no_params": true,
        });
    }
    if !site.cluster.has_router() {
        section["callbacks"] = json!({"on_role_change": "/etc/patroni/on-role-change.py"});
    }
    section
}
