//! Prometheus and Patroni, which answer in JSON over HTTP; and the Pushgateway, which metrics are pushed to.

use std::env;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::super::{Manner, Unread};
use super::tls::Tls;

/// The longest answer.
const MOST: u64 = 32 << 20;
/// How often a server that cannot be reached, or that is busy, is asked.
const TRIES: u32 = 3;
/// How long is waited before it is asked again; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);

/// A client, with the certificates that the environment names.
pub struct Client(Agent);

impl Client {
    /// Makes one.
    pub fn new(manner: Manner) -> Result<Self, Unread> {
        let hint = "HAGEN_TLS_CA, HAGEN_TLS_CERT and HAGEN_TLS_KEY name files in PEM form";
        let tls = Tls::read().and_then(|tls| config(&tls)).map_err(|why| Unread::new("TLS", why, hint))?;
        let config = Agent::config_builder()
            .timeout_global(Some(manner.timeout))
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        Ok(Self(config.into()))
    }

    /// The groups of rules that a Prometheus has loaded.
    pub fn rules(&self, source: &str, addresses: &[String]) -> Result<Vec<Value>, Unread> {
        let mut answer = self.first(source, addresses, "/api/v1/rules", "HAGEN_PROMETHEUS_AUTHORIZATION")?;
        let groups = answer.pointer_mut("/data/groups").and_then(Value::as_array_mut).map(std::mem::take);
        groups.ok_or_else(|| {
            Unread::new(source, "the answer has no `data.groups`", "does a Prometheus answer at this address?")
        })
    }

    /// The dynamic configuration of a Patroni cluster, from the first member that answers.
    pub fn config(&self, source: &str, addresses: &[String]) -> Result<Value, Unread> {
        let answer = self.first(source, addresses, "/config", "HAGEN_PATRONI_AUTHORIZATION")?;
        if answer.get("loop_wait").or_else(|| answer.get("ttl")).is_none() {
            let hint = "does the REST API of Patroni answer at this address?";
            return Err(Unread::new(source, "the answer is no configuration of Patroni", hint));
        }
        Ok(answer)
    }

    /// The answer of the first address that has one.
    fn first(&self, source: &str, addresses: &[String], path: &str, variable: &str) -> Result<Value, Unread> {
        let mut failures = Vec::new();
        for address in addresses {
            let base = if address.contains("://") { address.clone() } else { format!("http://{address}") };
            let url = format!("{}{path}", base.trim_end_matches('/'));
            match self.get(&url, variable) {
                Ok(answer) => return Ok(answer),
                Err(why) => failures.push(format!("{url}: {why}")),
            }
        }
        let hint = format!("is it reachable from here? {variable} holds what its Authorization header should say");
        Err(Unread::new(source, failures.join("; "), hint))
    }

    fn get(&self, url: &str, variable: &str) -> Result<Value, String> {
        let mut pause = PAUSE;
        for last in (0..TRIES).map(|attempt| attempt + 1 == TRIES) {
            let mut request = self.0.get(url);
            if let Some(value) = env::var(variable).ok().filter(|value| !value.is_empty()) {
                request = request.header("Authorization", value);
            }
            let why = match request.call() {
                Ok(mut answer) if answer.status().is_success() => {
                    return answer.body_mut().with_config().limit(MOST).read_json().map_err(|error| error.to_string());
                }
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 502 | 503 | 504) => {
                    format!("it answers {}", answer.status())
                }
                Ok(answer) => return Err(format!("it answers {}", answer.status())),
                Err(error @ (ureq::Error::ConnectionFailed | ureq::Error::Io(_))) => error.to_string(),
                Err(error) => return Err(error.to_string()),
            };
            if last {
                return Err(format!("{why}, {TRIES} times"));
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err("it was not asked".to_owned())
    }
}

/// Puts a text to where metrics are pushed. What stood there before is replaced.
pub fn push(url: &str, text: &str, manner: Manner) -> Result<(), Unread> {
    let client = Client::new(manner)?;
    let hint = "the URL of a group of a Pushgateway: http://HOST:9091/metrics/job/hagen_diff";
    let mut request = client.0.put(url).header("Content-Type", "text/plain; version=0.0.4");
    if let Some(value) = env::var("HAGEN_PUSH_AUTHORIZATION").ok().filter(|value| !value.is_empty()) {
        request = request.header("Authorization", value);
    }
    let sent = request.send(text);
    match sent {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Unread::new(url, format!("it answers {}", answer.status()), hint)),
        Err(error) => Err(Unread::new(url, error.to_string(), hint)),
    }
}

fn config(tls: &Tls) -> Result<TlsConfig, String> {
    let certificates = |name: &str, pem: &[u8]| -> Result<Vec<Certificate<'static>>, String> {
        let mut all = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| format!("{name}: {error}"))? {
                all.push(certificate);
            }
        }
        if all.is_empty() { Err(format!("{name} holds no certificate")) } else { Ok(all) }
    };
    let mut config = TlsConfig::builder();
    if let Some(pem) = &tls.ca {
        let trusted = certificates("HAGEN_TLS_CA", pem)?;
        config = config.root_certs(RootCerts::new_with_certs(&trusted));
    }
    if let Some((certificate, key)) = &tls.own {
        let key = PrivateKey::from_pem(key).map_err(|_| "HAGEN_TLS_KEY holds no key that can be read".to_owned())?;
        config =
            config.client_cert(Some(ClientCert::new_with_certs(&certificates("HAGEN_TLS_CERT", certificate)?, key)));
    }
    Ok(config.build())
}
