use super::*;
use crate::blueprint::raw;

/// A blueprint of three AWS regions, `a-1` primary, with one record.
fn spec(strategy: &str, record: &str) -> (raw::Blueprint, Vec<Region>) {
    let text = format!(
        "
apiVersion: hagen.dev/v1
kind: Blueprint
metadata: {{name: t}}
strategy: {strategy}
regions:
  us-1: {{role: primary, zones: [u1], geo: {{continents: [NA], default: true}}, loadBalancer: {{dnsName: u.example.com, dualStack: true}}}}
  ap-1: {{role: secondary, zones: [a1], geo: {{continents: [AS], countries: [AU]}}, loadBalancer: {{dnsName: a.example.com, dualStack: true}}}}
  eu-1: {{role: secondary, zones: [e1], geo: {{continents: [EU]}}, loadBalancer: {{dnsName: e.example.com}}}}
services:
  web: {{port: 80, platform: vercel, exposure: public, route: {{host: api.example.com}}, needs: {{services.back: {{}}}}}}
  back: {{port: 80, platform: vercel, needs: {{postgres.main: {{}}}}}}
postgres:
  main: {{manager: rds}}
dns:
  zone: example.com
  hostedZoneId: Z0000000
  records: {{api: {record}}}
"
    );
    let spec: raw::Blueprint = serde_yaml::from_str(&text).unwrap();
    let mut regions: Vec<Region> =
        spec.regions.iter().map(|(name, spec)| Region { name: name.clone(), spec: spec.clone() }).collect();
    regions.sort_by_key(|region| (!region.is_primary(), region.name.clone()));
    (spec, regions)
}

/// Who answers at a location: `region`, or `region<first` while the gate decides.
fn ask(strategy: &str, record: &str, location: &Location, down: Option<&str>) -> String {
    let (spec, regions) = spec(strategy, record);
    let records = records(&spec, &regions);
    answer(&records[0], location, down).map_or_else(
        || "nobody".to_owned(),
        |a| a.until_gate_opens.map_or_else(|| a.region.to_owned(), |first| format!("{}<{first}", a.region)),
    )
}

const EU: Location = Location::Continent(raw::Continent::Eu);
const SA: Location = Location::Continent(raw::Continent::Sa);

#[test]
fn geography_steers_where_every_region_serves() {
    let geo = "{routing: geolocation}";
    assert_eq!(ask("active-active", geo, &EU, None), "eu-1");
    assert_eq!(ask("active-active", geo, &SA, None), "us-1");
    assert_eq!(ask("active-active", geo, &Location::Country("AU".to_owned()), None), "ap-1");
    assert_eq!(ask("active-active", geo, &EU, Some("eu-1")), "us-1");
    assert_eq!(ask("active-active", geo, &SA, Some("us-1")), "ap-1");
    assert_eq!(ask("active-active", geo, &EU, Some("us-1")), "eu-1");
}

#[test]
fn elsewhere_every_leaf_leads_to_the_primary_and_people_open_the_gate() {
    let geo = "{routing: geolocation}";
    assert_eq!(ask("active-passive", geo, &EU, None), "us-1");
    assert_eq!(ask("active-passive", geo, &EU, Some("us-1")), "ap-1<us-1");
    assert_eq!(ask("active-passive", geo, &EU, Some("eu-1")), "us-1");
    assert_eq!(ask("active-passive", "{routing: failover, failover: automatic}", &EU, Some("us-1")), "ap-1");
}

#[test]
fn the_gate_stands_only_where_the_primary_is_passed_over() {
    let gated = "{routing: geolocation, failover: gated}";
    assert_eq!(ask("active-active", gated, &EU, Some("eu-1")), "us-1");
    assert_eq!(ask("active-active", gated, &SA, Some("us-1")), "ap-1<us-1");
}

#[test]
fn what_never_fails_over_stays() {
    assert_eq!(ask("active-active", "{routing: geolocation, failover: none}", &EU, Some("eu-1")), "eu-1");
    assert_eq!(ask("active-active", "{routing: simple}", &EU, Some("us-1")), "us-1");
}

#[test]
fn a_place_that_is_mapped_nowhere_without_a_default_gets_no_answer() {
    let (mut spec, mut regions) = spec("active-active", "{routing: geolocation}");
    for region in regions.iter_mut().map(|r| &mut r.spec).chain(spec.regions.values_mut()) {
        region.geo.as_mut().unwrap().default = false;
    }
    let records = records(&spec, &regions);
    assert_eq!(answer(&records[0], &SA, None), None);
}

#[test]
fn the_default_follows_the_strategy_and_what_is_behind_the_host() {
    let of = |strategy: &str, host: &str| {
        let (spec, _) = spec(strategy, "{}");
        failover(&spec, &spec.dns.as_ref().unwrap().records["api"], host)
    };
    assert_eq!(of("active-active", "api.example.com"), DnsFailover::Automatic);
    assert_eq!(of("active-passive", "api.example.com"), DnsFailover::Gated);
    let (mut spec, _) = spec("active-passive", "{}");
    spec.services.remove("back");
    assert!(!writes_postgres(&spec, "api.example.com"));
    assert!(writes_postgres(&spec, "other.example.com"));
}

#[test]
fn one_region_without_ipv6_takes_the_aaaa_records_away() {
    let (spec, regions) = spec("active-active", "{routing: geolocation}");
    assert!(!records(&spec, &regions)[0].dual_stack);
    let two: Vec<Region> = regions.into_iter().filter(|r| r.name != "eu-1").collect();
    assert!(records(&spec, &two)[0].dual_stack);
}

#[test]
fn no_larger_location_leads_past_a_closed_gate() {
    let evaluates = |strategy: &str, record: &str| {
        let (spec, regions) = spec(strategy, record);
        records(&spec, &regions)[0].evaluates()
    };
    assert!(evaluates("active-active", "{routing: geolocation}"));
    assert!(evaluates("active-passive", "{routing: geolocation, failover: gated}"));
    assert!(!evaluates("active-active", "{routing: geolocation, failover: gated}"));
    assert!(!evaluates("active-active", "{routing: geolocation, failover: none}"));
}
