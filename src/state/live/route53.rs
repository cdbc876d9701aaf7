//! The record sets of a hosted zone and the health checks, through the AWS SDK, in the form in which its command line prints
//! them.

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_route53::Client;
use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{HealthCheck, ResourceRecordSet};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use serde_json::{Map, Value};

use super::super::{Deployed, Manner, Unread, Zone};

/// The most pages: a zone has at most 10,000 records unless AWS was asked for more, and a page 300.
const PAGES: usize = 400;

const HINT: &str = "credentials and region are looked for as the AWS command line does: AWS_PROFILE, AWS_ACCESS_KEY_ID, \
                    AWS_ENDPOINT_URL_ROUTE_53, … ; route53:ListResourceRecordSets and route53:ListHealthChecks are needed";

/// Asks for the records of a zone, and for all health checks.
pub async fn ask(zone: &Zone, manner: Manner) -> (Vec<Deployed>, Vec<Unread>) {
    let client = client(manner).await;
    let (mut deployed, mut unread) = (Vec::new(), Vec::new());
    if let Some(id) = &zone.id {
        let source = format!("route53/{id}");
        match records(&client, id).await {
            Ok(records) => deployed.push(Deployed::Records(source, records)),
            Err(why) => unread.push(Unread::new(&source, why, HINT)),
        }
    }
    match checks(&client).await {
        Ok(checks) => deployed.push(Deployed::HealthChecks("route53/health-checks".to_owned(), checks)),
        Err(why) => unread.push(Unread::new("route53/health-checks", why, HINT)),
    }
    (deployed, unread)
}

async fn client(manner: Manner) -> Client {
    let https = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(manner.timeout).connect_timeout(manner.timeout);
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .timeout_config(timeouts.build())
        .load()
        .await;
    // Route 53 is in no region, but its endpoint is that of a partition: where nothing says which, the common one.
    let config = match config.region() {
        Some(_) => config,
        None => config.into_builder().region(Region::new("us-east-1")).build(),
    };
    Client::new(&config)
}

/// What AWS says for itself; otherwise what became of the request, without what it consisted of.
fn said(error: &(impl ProvideErrorMetadata + std::error::Error)) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => super::chain(error),
    }
}

async fn records(client: &Client, zone: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    let mut next = client.list_resource_record_sets().hosted_zone_id(zone);
    for _ in 0..PAGES {
        let page = next.send().await.map_err(|error| said(&error))?;
        all.extend(page.resource_record_sets.iter().map(record));
        if !page.is_truncated {
            return Ok(all);
        }
        next = client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type)
            .set_start_record_identifier(page.next_record_identifier);
    }
    Err(endless(all.len()))
}

fn endless(found: usize) -> String {
    format!("its pages do not end: more than {found} of them")
}

async fn checks(client: &Client) -> Result<Vec<Value>, String> {
    let mut pages = client.list_health_checks().into_paginator().send();
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let Some(page) = pages.next().await else { return Ok(all) };
        let page = page.map_err(|error| said(&error))?;
        all.extend(page.health_checks.iter().map(check));
    }
    Err(endless(all.len()))
}

/// What is written of an object: fields without a value are left out.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn record(record: &ResourceRecordSet) -> Value {
    let values = record.resource_records.as_ref().map(|values| {
        Value::from_iter(values.iter().map(|value| Fields::default().with("Value", Some(value.value.as_str())).done()))
    });
    let alias = record.alias_target.as_ref().map(|alias| {
        Fields::default()
            .with("HostedZoneId", Some(alias.hosted_zone_id.as_str()))
            .with("DNSName", Some(alias.dns_name.as_str()))
            .with("EvaluateTargetHealth", Some(alias.evaluate_target_health))
            .done()
    });
    let geo = record.geo_location.as_ref().map(|geo| {
        Fields::default()
            .with("ContinentCode", geo.continent_code.as_deref())
            .with("CountryCode", geo.country_code.as_deref())
            .with("SubdivisionCode", geo.subdivision_code.as_deref())
            .done()
    });
    let near = record.geo_proximity_location.as_ref().map(|near| {
        let at = near.coordinates.as_ref().map(|at| {
            Fields::default()
                .with("Latitude", Some(at.latitude.as_str()))
                .with("Longitude", Some(at.longitude.as_str()))
                .done()
        });
        Fields::default()
            .with("AWSRegion", near.aws_region.as_deref())
            .with("LocalZoneGroup", near.local_zone_group.as_deref())
            .with("Coordinates", at)
            .with("Bias", near.bias)
            .done()
    });
    let cidr = record.cidr_routing_config.as_ref().map(|cidr| {
        Fields::default()
            .with("CollectionId", Some(cidr.collection_id.as_str()))
            .with("LocationName", Some(cidr.location_name.as_str()))
            .done()
    });
    Fields::default()
        .with("Name", Some(record.name.as_str()))
        .with("Type", Some(record.r#type.as_str()))
        .with("SetIdentifier", record.set_identifier.as_deref())
        .with("Weight", record.weight)
        .with("Region", record.region.as_ref().map(|region| region.as_str()))
        .with("GeoLocation", geo)
        .with("GeoProximityLocation", near)
        .with("CidrRoutingConfig", cidr)
        .with("Failover", record.failover.as_ref().map(|failover| failover.as_str()))
        .with("MultiValueAnswer", record.multi_value_answer)
        .with("TTL", record.ttl)
        .with("ResourceRecords", values)
        .with("AliasTarget", alias)
        .with("HealthCheckId", record.health_check_id.as_deref())
        .with("TrafficPolicyInstanceId", record.traffic_policy_instance_id.as_deref())
        .done()
}

fn check(check: &HealthCheck) -> Value {
    let texts = |texts: &Vec<String>| Value::from_iter(texts.iter().map(String::as_str));
    let config = check.health_check_config.as_ref().map(|config| {
        let alarm = config.alarm_identifier.as_ref().map(|alarm| {
            Fields::default().with("Region", Some(alarm.region.as_str())).with("Name", Some(alarm.name.as_str())).done()
        });
        let regions = config.regions.as_ref().map(|all| Value::from_iter(all.iter().map(|region| region.as_str())));
        Fields::default()
            .with("IPAddress", config.ip_address.as_deref())
            .with("Port", config.port)
            .with("Type", Some(config.r#type.as_str()))
            .with("ResourcePath", config.resource_path.as_deref())
            .with("FullyQualifiedDomainName", config.fully_qualified_domain_name.as_deref())
            .with("SearchString", config.search_string.as_deref())
            .with("RequestInterval", config.request_interval)
            .with("FailureThreshold", config.failure_threshold)
            .with("MeasureLatency", config.measure_latency)
            .with("Inverted", config.inverted)
            .with("Disabled", config.disabled)
            .with("HealthThreshold", config.health_threshold)
            .with("ChildHealthChecks", config.child_health_checks.as_ref().map(texts))
            .with("EnableSNI", config.enable_sni)
            .with("Regions", regions)
            .with("AlarmIdentifier", alarm)
            .with("InsufficientDataHealthStatus", config.insufficient_data_health_status.as_ref().map(|s| s.as_str()))
            .with("RoutingControlArn", config.routing_control_arn.as_deref())
            .done()
    });
    Fields::default()
        .with("Id", Some(check.id.as_str()))
        .with("CallerReference", Some(check.caller_reference.as_str()))
        .with("HealthCheckConfig", config)
        .with("HealthCheckVersion", Some(check.health_check_version))
        .done()
}
