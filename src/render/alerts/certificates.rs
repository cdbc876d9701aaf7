//! Certificates of the public hosts. Health checks do not validate them (F-DN-02), so nothing else notices.

use super::context::Context;
use super::dns::scope;
use super::model::{Alert, constant};
use super::probes::{Probe, probes};
use super::promql::labels;
use super::rules::seconds;
use crate::blueprint::raw::Severity;
use crate::blueprint::units::Duration;
use crate::path;

/// The alerts about certificates in a region.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    probes(context).iter().filter(|probe| probe.encrypted).map(|probe| expiry(context, probe)).collect()
}

fn expiry(context: &Context<'_>, probe: &Probe) -> Alert {
    let scope = scope(context, probe);
    let day = 86_400;
    let least = context.above("CertificateExpiresSoon", Duration::from_secs(21 * day));
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
