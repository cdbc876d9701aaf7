//! DNS: records that lead somewhere, that Route 53 can hold, and load balancers that an alias can name.

use std::collections::BTreeMap;

use super::Resolver;
use crate::blueprint::dns::{self, countries, zones};
use crate::blueprint::{Region, names, raw};
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

/// Geolocation records of one name (F-DN-12).
const GEO_RECORDS: usize = 100;
/// Health checks of an account (F-DN-12).
const HEALTH_CHECKS: usize = 200;
/// What a path of a health check may hold (Route 53 API, `ResourcePath`).
const CHECK_PATH: usize = 255;
/// What an answer of a load balancer lives: aliases to one take no other TTL (F-DN-08).
const ALIAS_TTL: u64 = 60_000;

impl Resolver<'_> {
    pub(super) fn dns(&mut self) {
        let spec = self.spec;
        let Some(dns) = &spec.dns else { return };
        for (label, record) in &dns.records {
            let at = path!["dns", "records", label];
            self.record(&at, label, record);
            self.record_health(&at, record);
            self.record_failover(&at, label, record);
            if record.routing == raw::Routing::Geolocation {
                self.geolocation(label);
            }
        }
        self.load_balancers();
        self.dns_limits();
    }

    fn record(&mut self, at: &Path, label: &str, record: &raw::Record) {
        let regions = self.regions.clone();
        let reached =
            |region: &&Region| region.spec.load_balancer.is_none() && region.spec.provider.has_route_53_aliases();
        for region in regions.iter().filter(reached) {
            if record.routing == raw::Routing::Simple && !region.is_primary() {
                continue;
            }
            self.problems.push(
                Diagnostic::error(
                    "BP051",
                    Place::Key(path!["regions", &region.name, "loadBalancer"]),
                    format!("region `{}` has no load balancer", region.name),
                )
                .also(Place::Key(at.clone()), "this record leads to it")
                .rests_on(at.key("routing"))
                .rests_on(path!["regions", &region.name, "provider"])
                .fix("write `loadBalancer: {dnsName: NAME}` with the name that the provider gave it"),
            );
        }
        if record.ttl.millis() != ALIAS_TTL {
            self.problems.push(
                Diagnostic::error(
                    "BP057",
                    Place::Value(at.key("ttl")),
                    "an alias to a load balancer has no TTL of its own",
                )
                .because("Route 53 answers it with 60 s, whatever is wished (F-DN-08)")
                .fix("write `60s`, or leave it out"),
            );
        }
        let all = dns::records(self.spec, &regions);
        let Some(built) = all.iter().find(|built| built.label == label) else { return };
        let led_to = built.regions(&regions);
        let has = |region: &Region| region.spec.load_balancer.as_ref().is_some_and(|b| b.dual_stack);
        let with = led_to.iter().find(|region| has(region));
        let without = led_to.iter().find(|region| !has(region));
        if let (Some(with), Some(without)) = (with, without) {
            let place = |region: &Region| path!["regions", &region.name, "loadBalancer"];
            self.problems.push(
                Diagnostic::warning("BP058", Place::Value(place(with).key("dualStack")), format!("`{}` gets no AAAA records", built.host))
                    .also(Place::Key(place(without)), "it can also lead here, where there is no IPv6")
                    .because("with AAAA for some regions only, IPv6 clients would be sent elsewhere than IPv4 clients, or find nothing behind a failover (R-DN-11)")
                    .fix("make every load balancer dual stack"),
            );
        }
    }

    fn record_health(&mut self, at: &Path, record: &raw::Record) {
        let health = &record.health;
        if !matches!(health.interval.secs(), 10 | 30) || !health.interval.millis().is_multiple_of(1000) {
            self.problems.push(
                Diagnostic::error(
                    "BP050",
                    Place::Value(at.key("health").key("interval")),
                    "Route 53 checks every 10 s or every 30 s",
                )
                .because("no other interval exists (F-DN-01)")
                .fix("write `10s` or `30s`"),
            );
        }
        let mut paths = vec![(at.key("health").key("path"), health.path.as_str())];
        paths.extend(record.gate.as_ref().map(|gate| (at.key("gate").key("path"), gate.path.as_str())));
        for (place, path) in paths {
            if path.len() > CHECK_PATH {
                self.problems.push(
                    Diagnostic::error("BP059", Place::Value(place), "this path is too long for a health check")
                        .because(format!("Route 53 takes {CHECK_PATH} characters, it has {}", path.len()))
                        .fix("shorten it"),
                );
            }
        }
    }

    fn record_failover(&mut self, at: &Path, label: &str, record: &raw::Record) {
        let spec = self.spec;
        let Some(zone) = spec.dns.as_ref().map(|dns| dns.zone.as_str()) else { return };
        let failover = dns::failover(spec, record, &names::record_host(label, zone));
        let primary = self.regions.first().map(|region| region.name.clone()).unwrap_or_default();
        let wanted = matches!(record.failover, Some(raw::DnsFailover::Automatic | raw::DnsFailover::Gated));
        if record.routing != raw::Routing::Simple
            && self.regions.len() == 1
            && (wanted || record.routing == raw::Routing::Failover)
        {
            let place = if wanted { at.key("failover") } else { at.key("routing") };
            self.problems.push(
                Diagnostic::error("BP072", Place::Value(place), "there is no region to fail over to")
                    .also(Place::Key(path!["regions"]), "the only region")
                    .rests_on(at.key("routing"))
                    .rests_on(at.key("failover"))
                    .fix("write `routing: simple`, or a second region"),
            );
        }
        if record.routing == raw::Routing::Failover && record.failover == Some(raw::DnsFailover::None) {
            self.problems.push(
                Diagnostic::error("BP073", Place::Value(at.key("failover")), "failover routing that never fails over")
                    .also(Place::Value(at.key("routing")), "the routing")
                    .fix("write `routing: simple` or leave `failover` out"),
            );
        }
        if record.routing != raw::Routing::Simple && record.failover.is_none() {
            let (value, because) = match failover {
                raw::DnsFailover::Gated => ("gated", "a data store behind the record must first be promoted by people"),
                _ => ("automatic", "no data store behind the record waits for people"),
            };
            self.derived(&at.key("failover"), value, because);
        }
        if failover != raw::DnsFailover::Gated {
            return;
        }
        let Some(gate) = &record.gate else {
            let place =
                if record.failover.is_some() { Place::Value(at.key("failover")) } else { Place::Key(at.clone()) };
            self.problems.push(
                Diagnostic::error("BP052", place, "a gated failover needs its gate")
                    .rests_on(at.key("routing"))
                    .rests_on(at.key("failover"))
                    .rests_on(path!["strategy"])
                    .because("people let the secondary in by removing an object that a health check watches; no control-plane call is needed in the incident (F-DN-13). It is the default where PostgreSQL must first be promoted")
                    .fix("write something like `gate: {host: gate.example.org, path: /open}`, an object that lies outside the primary region"),
            );
            return;
        };
        let inside = |label: &str| label == primary || label.ends_with(&format!("-{primary}"));
        if gate.host.as_str().split('.').any(inside) {
            self.problems.push(
                Diagnostic::error("BP074", Place::Value(at.key("gate").key("host")), "the gate lies in the primary region")
                    .also(Place::Key(path!["regions", &primary]), "the primary region")
                    .because("when that region is lost nobody can remove the object, and the check cannot tell a removed object from a lost one")
                    .fix("keep the object in another region"),
            );
        }
    }

    /// Exactly one region answers everybody who is mapped nowhere (R-DN-01), and no place is mapped twice.
    fn geolocation(&mut self, label: &str) {
        let record = path!["dns", "records", label];
        let spec = self.spec;
        let defaults: Vec<&String> = spec
            .regions
            .iter()
            .filter(|(_, r)| r.geo.as_ref().is_some_and(|g| g.default))
            .map(|(name, _)| name)
            .collect();
        if defaults.len() != 1 {
            let place = defaults
                .get(1)
                .map_or(Place::Key(record.clone()), |name| Place::Value(path!["regions", name, "geo", "default"]));
            self.problems.push(
                Diagnostic::error("BP053", place, "geolocation needs exactly one default region")
                    .rests_on(record.key("routing"))
                    .rests_on(path!["regions"])
                    .because("without a default, clients from places that are mapped nowhere get no answer (F-DN-05, R-DN-01)")
                    .fix("write `geo: {default: true}` in one region"),
            );
        }
        let mut seen: BTreeMap<String, (&String, crate::document::Path)> = BTreeMap::new();
        for (name, region) in &spec.regions {
            let Some(geo) = &region.geo else { continue };
            let at = path!["regions", name, "geo"];
            for (index, code) in geo.countries.iter().enumerate().filter(|(_, code)| !countries::is_country(code)) {
                let hint = if code == "UK" { Some("GB") } else { None };
                self.problems.push(
                    Diagnostic::error(
                        "BP079",
                        Place::Value(at.key("countries").index(index)),
                        format!("`{code}` is no country"),
                    )
                    .because("Route 53 takes the codes of ISO 3166-1 and refuses a batch with any other")
                    .fix(hint.map_or_else(|| "write a code such as `DE`".to_owned(), |code| format!("write `{code}`"))),
                );
            }
            let continents = geo
                .continents
                .iter()
                .enumerate()
                .map(|(i, c)| (format!("{c:?}").to_uppercase(), at.key("continents").index(i)));
            let countries =
                geo.countries.iter().enumerate().map(|(i, c)| (format!("country {c}"), at.key("countries").index(i)));
            for (place, here) in continents.chain(countries) {
                if let Some((other, there)) = seen.insert(place.clone(), (name, here.clone())) {
                    self.problems.push(
                        Diagnostic::error("BP054", Place::Value(here), format!("{place} is sent to two regions"))
                            .also(Place::Value(there), format!("to `{other}` here"))
                            .fix("leave it to one of them"),
                    );
                }
            }
        }
    }

    fn load_balancers(&mut self) {
        for region in self.regions.clone() {
            if !region.spec.provider.has_route_53_aliases() {
                self.problems.push(
                    Diagnostic::error(
                        "BP166",
                        Place::Value(path!["regions", &region.name, "provider"]),
                        "DNS records lead to load balancers of AWS only",
                    )
                    .also(Place::Key(path!["dns"]), "these records")
                    .because("they are aliases of Route 53, which know no load balancer of another provider")
                    .fix("leave `dns` out and point the names to this region by its provider's own means, or write `provider: aws`"),
                );
                continue;
            }
            let Some(balancer) = &region.spec.load_balancer else {
                continue;
            };
            let at = path!["regions", &region.name, "loadBalancer"];
            // A name with capitals is no region of AWS, and that was said of it already.
            if region.spec.provider == raw::Provider::Aws && region.name == region.name.to_lowercase() {
                self.aws_name(&at, &region.name, balancer);
            }
            let known = (region.spec.provider == raw::Provider::Aws)
                .then(|| zones::load_balancer(&region.name, balancer.kind))
                .flatten();
            match (&balancer.hosted_zone_id, known) {
                (None, None) if self.spec.dns.is_some() => self.problems.push(
                    Diagnostic::error("BP056", Place::Key(at), "the hosted zone id of this load balancer is not known")
                        .because(if region.spec.provider == raw::Provider::Aws {
                            "Route 53 aliases need it, and hagen's table has none for this kind in this region"
                        } else {
                            "Route 53 aliases need it, and hagen's table knows it where `provider` is aws"
                        })
                        .rests_on(path!["regions", &region.name, "provider"])
                        .fix(if region.spec.provider == raw::Provider::Aws {
                            "write `hostedZoneId: Z…`; `aws elbv2 describe-load-balancers` shows it as CanonicalHostedZoneId"
                        } else {
                            "write `provider: aws` in this region; without AWS leave `dns` out: records lead to its load balancers only"
                        }),
                ),
                (Some(written), Some(known)) if written != known => self.problems.push(
                    Diagnostic::error("BP075", Place::Value(at.key("hostedZoneId")), format!("`{written}` is not the hosted zone of load balancers of this kind in {}", region.name))
                        .because(format!("it is {known} (R-DN-03); an alias with another one is rejected or leads elsewhere"))
                        .fix("leave it out: hagen knows it"),
                ),
                _ => {}
            }
        }
    }

    fn aws_name(&mut self, at: &Path, region: &str, balancer: &raw::LoadBalancer) {
        let name = balancer.dns_name.as_str();
        let (application, network) = (format!(".{region}.elb.amazonaws.com"), format!(".elb.{region}.amazonaws.com"));
        let (kind, own, other, others) = match balancer.kind {
            raw::LoadBalancerKind::Application => ("application", application, "network", network),
            raw::LoadBalancerKind::Network => ("network", network, "application", application),
        };
        if name.ends_with(&own) {
            return;
        }
        let place = Place::Value(at.key("dnsName"));
        let forms = "an AWS load balancer is called NAME-HASH.REGION.elb.amazonaws.com, a network one NAME-HASH.elb.REGION.amazonaws.com (R-DN-04); the two kinds have different hosted zones";
        let problem = if name.ends_with(&others) {
            Diagnostic::error(
                "BP055",
                place,
                format!("this is the name of a load balancer of kind `{other}`, not `{kind}`"),
            )
            .also(Place::Value(at.key("kind")), "the kind")
            .fix(format!("write `kind: {other}`, or the name of the `{kind}` one"))
        } else {
            Diagnostic::error("BP055", place, format!("`{name}` is no {kind} load balancer of {region}"))
                .fix("copy the DNS name that AWS gave it, and write `kind: network` where it is one")
        };
        self.problems.push(problem.because(forms));
    }

    /// What Route 53 could not hold: too many records of one name, too many checks, names that clash or are too long.
    fn dns_limits(&mut self) {
        let regions = self.regions.clone();
        let records = dns::records(self.spec, &regions);
        let mut checks = 0;
        let mut names: BTreeMap<String, Path> = BTreeMap::new();
        for record in &records {
            let at = path!["dns", "records", record.label];
            if record.answers.len() > GEO_RECORDS {
                self.problems.push(
                    Diagnostic::error("BP076", Place::Key(at.clone()), "too many locations for one name")
                        .because(format!(
                            "Route 53 holds {GEO_RECORDS} geolocation records for a name (F-DN-12), this has {}",
                            record.answers.len()
                        ))
                        .fix("map continents instead of countries"),
                );
            }
            let led_to = record.regions(&regions);
            if record.failover != raw::DnsFailover::None {
                // One for each region, the gate, and one for each region that may stand behind the gate.
                checks += led_to.len() * if record.failover == raw::DnsFailover::Gated { 2 } else { 1 };
            }
            let mut of_record = vec![record.host.clone()];
            of_record.extend(led_to.iter().map(|region| names::regional_host(&record.host, &region.name)));
            let passed: Vec<&str> = regions.iter().map(|region| region.name.as_str()).collect();
            if let (Some((last, passed)), true) = (passed.split_last(), led_to.len() > 1) {
                of_record.push(names::failover_host(&record.host, last, &passed[..passed.len() - 1]));
            }
            for name in of_record {
                if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
                    self.problems.push(
                        Diagnostic::error(
                            "BP077",
                            Place::Key(at.clone()),
                            format!("the name `{name}` is too long for DNS"),
                        )
                        .because(
                            "a name has at most 253 characters, a label 63; hagen puts regions in front of the host",
                        )
                        .fix("shorten the record's label"),
                    );
                }
                if let Some(other) = names.insert(name.clone(), at.clone()).filter(|other| *other != at) {
                    self.problems.push(
                        Diagnostic::error("BP078", Place::Key(at.clone()), format!("`{name}` is written twice"))
                            .also(Place::Key(other), "hagen writes a name for each region in front of this host")
                            .fix("rename one of the records"),
                    );
                }
            }
        }
        if checks > HEALTH_CHECKS {
            self.problems.push(
                Diagnostic::error(
                    "BP076",
                    Place::Key(path!["dns", "records"]),
                    format!("{checks} health checks are too many"),
                )
                .because(format!("an account holds {HEALTH_CHECKS} unless AWS raises it (F-DN-12)"))
                .fix("use fewer records or regions"),
            );
        }
    }
}
