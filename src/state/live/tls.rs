//! The certificates that hagen shows and trusts, beside those that the world trusts: named in the environment.

use std::env;
use std::fs;

/// PEM texts, where they are named.
#[derive(Debug, Default)]
pub struct Tls {
    /// Whose certificates are trusted: `HAGEN_TLS_CA`.
    pub ca: Option<Vec<u8>>,
    /// The certificate that is shown, and its key: `HAGEN_TLS_CERT`, `HAGEN_TLS_KEY`.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// Reads what the environment names.
    pub fn read() -> Result<Self, String> {
        let named = |name: &str| match env::var_os(name).filter(|path| !path.is_empty()) {
            None => Ok(None),
            Some(path) => fs::read(&path).map(Some).map_err(|error| format!("{name}={}: {error}", path.display())),
        };
        let own = match (named("HAGEN_TLS_CERT")?, named("HAGEN_TLS_KEY")?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("HAGEN_TLS_CERT and HAGEN_TLS_KEY go together, and one of them is not set".to_owned()),
        };
        Ok(Self { ca: named("HAGEN_TLS_CA")?, own })
    }
}
