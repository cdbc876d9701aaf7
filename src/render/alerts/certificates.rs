//! Certificates: of the public hosts, of the data stores, and of all that cert-manager keeps.
//!
//! Health checks do not validate them (F-DN-02), so nothing else notices before they end.

use std::collections::BTreeMap;

use super::context::Context;
use super::dns::scope;
use super::model::{Alert, constant};
use super::probes::{Encrypted, Probe, encrypted, probes};
use super::promql::{Scope, labels};
use super::rules::seconds;
use crate::blueprint::names;
use crate::blueprint::raw::Severity;
use crate::blueprint::units::Duration;
use crate::path;
use crate::render::kubernetes::common::has_cert_manager;

/// 21 days.
const DAYS_21: Duration = Duration::from_secs(21 * 86_400);

/// The alerts about certificates in a region, and remarks on what is left out.
pub fn alerts(context: &Context<'_>) -> (Vec<Alert>, Vec<String>) {
    let (mut alerts, mut remarks): (Vec<Alert>, Vec<String>) = (Vec::new(), Vec::new());
    alerts.extend(probes(context).iter().filter(|probe| probe.encrypted).map(|probe| expiry(context, probe)));
    let mut stores: BTreeMap<(&'static str, String), Vec<Encrypted>> = BTreeMap::new();
    for store in encrypted(context) {
        stores.entry((store.component, store.cluster.clone())).or_default().push(store);
    }
    for ((component, cluster), members) in &stores {
        if context.monitoring.exporters.blackbox.is_some() {
            alerts.extend(of_store(context, component, cluster, members));
        } else {
            remarks.push(format!(
                "{component} {cluster}: monitoring.exporters.blackbox is not given, so nothing sees when its certificates end (R-AL-11)"
            ));
        }
    }
    if has_cert_manager(context.blueprint) && context.uses_kubernetes() {
        alerts.extend(kept(context));
    }
    let redis =
        context.blueprint.redis.iter().filter(|r| r.is_rendered() && r.on_kubernetes() && r.in_region(context.region));
    for store in redis.filter(|r| r.spec.tls.is_some() && !has_cert_manager(context.blueprint)) {
        remarks.push(format!(
            "redis.{}: its nodes let nobody in but their clients, and without edge.tls.issuer no cert-manager tells when their certificate ends (R-AL-11)",
            store.name
        ));
    }
    (alerts, remarks)
}

/// The certificates that the members of a store show.
fn of_store(context: &Context<'_>, component: &str, cluster: &str, members: &[Encrypted]) -> [Alert; 2] {
    let scope = Scope::default()
        .is(names::REGION_LABEL, &context.region.name)
        .is(names::CLUSTER_LABEL, cluster)
        .is("probe", component);
    let scope = members.iter().fold(scope, |scope, m| scope.instance(&[("host", &m.host), ("instance", &m.address)]));
    let least = context.above("StoreCertificateExpiresSoon", DAYS_21);
    let (metric, count) = (scope.metric("probe_ssl_earliest_cert_expiry"), members.len());
    let with = |ends: u64, shown: usize| -> Vec<_> {
        let one = |at| {
            constant(
                scope.series("probe_ssl_earliest_cert_expiry", at, &[]),
                if at == 0 { ends } else { 10 * least.secs() },
            )
        };
        (0..shown).map(one).collect()
    };
    let first = members.first().map_or("", |m| m.host.as_str());
    let origin = match component {
        "redis" => path!["redis", cluster, "tls"],
        "pgbackrest" => path!["postgres", cluster, "backup"],
        _ => path!["postgres", cluster, "tls"],
    };
    let about = |alert: Alert| alert.about(context.about(component, cluster), &origin);
    let ends = Alert::new("StoreCertificateExpiresSoon", Severity::Warning, format!("min by (host) ({metric}) - time() < {}", seconds(least)))
        .minutes(15)
        .timed()
        .says(
            format!("A certificate of {component} {cluster} expires soon"),
            "{{ $labels.host }} shows a certificate that nearly ends, or that was renewed and not loaded. Once it has ended members, clients and backups refuse each other, and no failover helps.",
        )
        .because(context.why("StoreCertificateExpiresSoon", "21 days, as for the public hosts (R-AL-11)"))
        .fires("it ends soon", with(least.secs() / 4, count), labels(&[("host", first)]))
        .silent("all last", with(10 * least.secs(), count));
    let unknown = Alert::new("StoreCertificateUnknown", Severity::Warning, format!("(count({metric}) or vector(0)) < {count}"))
        .minutes(60)
        .says(
            format!("Not every certificate of {component} {cluster} can be seen"),
            "A member does not answer by TLS, or blackbox_exporter is gone or lacks the module tls_connect: when its certificate ends is not known (R-AL-21).",
        )
        .because(format!("{count} members are declared"))
        .fires("one shows none", with(10 * least.secs(), count - 1), labels(&[]))
        .silent("all show one", with(10 * least.secs(), count))
        .fires_without_series(labels(&[]));
    [about(ends), about(unknown)]
}

/// What cert-manager keeps in the namespace of this system: of the hosts, of the stores, of the backups.
fn kept(context: &Context<'_>) -> [Alert; 2] {
    let scope = context.namespace().instance(&[]);
    let least = context.above("KeptCertificateExpiresSoon", DAYS_21);
    let metric = scope.metric("certmanager_certificate_expiration_timestamp_seconds");
    let with = |ends: u64| {
        let name = "certmanager_certificate_expiration_timestamp_seconds";
        vec![constant(scope.series(name, 0, &[("name", "postgres-main-tls")]), ends)]
    };
    let about = |alert: Alert| alert.about(labels(&[("component", "certificates")]), &path!["edge", "tls", "issuer"]);
    let ends = Alert::new("KeptCertificateExpiresSoon", Severity::Warning, format!("min by (name) ({metric}) - time() < {}", seconds(least)))
        .minutes(15)
        .timed()
        .says(
            "cert-manager did not renew a certificate",
            "{{ $labels.name }} is past its renewal: its issuer refuses, or cannot be reached. Look at its CertificateRequest.",
        )
        .because(context.why("KeptCertificateExpiresSoon", "21 days: hagen's Certificates are renewed 30 days before their end (R-AL-11)"))
        .fires("it ends soon", with(least.secs() / 4), labels(&[("name", "postgres-main-tls")]))
        .silent("it lasts", with(least.secs() * 3 + 3600));
    let unknown = Alert::new("KeptCertificatesUnknown", Severity::Warning, format!("absent({metric})"))
        .minutes(30)
        .says(
            "cert-manager tells of no certificate",
            "It is gone, is not scraped, or is scraped without honorLabels (then the label is exported_namespace): when certificates end is not known.",
        )
        .because("no series at all (R-AL-21)")
        .fires_without_series(scope.equalities())
        .silent("it tells", with(least.secs() * 3 + 3600));
    [about(ends), about(unknown)]
}

fn expiry(context: &Context<'_>, probe: &Probe) -> Alert {
    let scope = scope(context, probe);
    let least = context.above("CertificateExpiresSoon", DAYS_21);
    let metric = scope.metric("probe_ssl_earliest_cert_expiry");
    let with = |seconds: u64| vec![constant(scope.series("probe_ssl_earliest_cert_expiry", 0, &[]), seconds)];
    let mut alert = Alert::new(
        "CertificateExpiresSoon",
        Severity::Warning,
        format!("min by (host) ({metric}) - time() < {}", seconds(least)),
    )
    .minutes(15)
    .timed()
    .about(labels(&[("component", "edge")]), &path!["edge", "tls"])
    .says(
        format!("The certificate of {} expires soon", probe.host),
        "Renewal has not worked. Once it has expired there is no such series any more (the handshake fails): PublicEndpointDown or RegionEndpointDown takes over.",
    )
    .because(context.why("CertificateExpiresSoon", "21 days: an ACME certificate is renewed 30 days before its end (R-AL-11)"))
    .fires("it ends soon", with(least.secs() / 4), labels(&[("host", &probe.host)]))
    .silent("it lasts", with(least.secs() * 3 + 3600));
    alert.labels.insert("probe".to_owned(), probe.kind.to_owned());
    alert
}
