//! The settings of a node of Redis, in its own protocol.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::super::{Manner, Member, Unread, layout};
use super::tls::Tls;

/// The longest text and the longest list of an answer.
const MOST: usize = 16 << 20;

const HINT: &str = "REDISCLI_AUTH holds the password, HAGEN_REDIS_USER the user; HAGEN_TLS_CA, HAGEN_TLS_CERT and HAGEN_TLS_KEY name files in PEM form";

/// What a node tells of itself, and of the cluster.
pub struct Told {
    /// What `CONFIG GET *` answers.
    pub settings: BTreeMap<String, String>,
    /// What `CLUSTER NODES` answers; nothing from a node that is in no cluster.
    pub nodes: Option<Vec<Member>>,
    /// What a node that is in no cluster says of itself: whom it copies.
    pub alone: Option<Member>,
}

/// Asks a node. An answer that trickles is given up as one that does not come.
pub fn ask(source: &str, address: &str, tls: bool, manner: Manner) -> Result<Told, Unread> {
    let (done, waiting) = mpsc::channel();
    let at = address.to_owned();
    thread::spawn(move || {
        // Nobody may wait for it any more.
        let _ = done.send(connected(&at, tls, manner).and_then(|stream| get(stream, &at)));
    });
    let told = waiting.recv_timeout(manner.timeout).unwrap_or_else(|_| Err("no answer in time".to_owned()));
    told.map_err(|why| {
        // A server may say whatever it was told.
        let password = env::var("REDISCLI_AUTH").ok().filter(|password| !password.is_empty());
        let why = password.map_or_else(|| why.clone(), |password| why.replace(&password, "(secret)"));
        Unread::new(source, why, HINT)
    })
}

/// What became of a read or a write: where it took too long, the system says so in other words.
fn said(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    if text.contains("os error 11)") || text.contains("timed out") { "no answer in time".to_owned() } else { text }
}

/// A stream in both directions.
trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

fn connected(address: &str, tls: bool, manner: Manner) -> Result<Box<dyn Both>, String> {
    let resolved = address.to_socket_addrs().map_err(|error| said(&error))?;
    let mut why = "the name has no address".to_owned();
    for socket in resolved {
        match TcpStream::connect_timeout(&socket, manner.timeout) {
            Ok(stream) => {
                let timeout = Some(manner.timeout);
                stream.set_read_timeout(timeout).map_err(|error| said(&error))?;
                stream.set_write_timeout(timeout).map_err(|error| said(&error))?;
                return if tls { encrypted(stream, address) } else { Ok(Box::new(stream)) };
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

fn encrypted(stream: TcpStream, address: &str) -> Result<Box<dyn Both>, String> {
    let tls = Tls::read()?;
    let pem = tls.ca.ok_or("the node wants TLS, and HAGEN_TLS_CA does not say whose certificates are trusted")?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("HAGEN_TLS_CA: {error}"))?;
        roots.add(certificate).map_err(|error| format!("HAGEN_TLS_CA: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| said(&error))?
        .with_root_certificates(roots);
    let config = match tls.own {
        None => config.with_no_client_auth(),
        Some((certificates, key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificates).collect();
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| format!("HAGEN_TLS_KEY: {error}"))?;
            config
                .with_client_auth_cert(chain.map_err(|error| format!("HAGEN_TLS_CERT: {error}"))?, key)
                .map_err(|error| said(&error))?
        }
    };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| said(&error))?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| said(&error))?;
    Ok(Box::new(StreamOwned::new(connection, stream)))
}

fn get(stream: Box<dyn Both>, address: &str) -> Result<Told, String> {
    let mut stream = BufReader::new(stream);
    if let Some(password) = env::var("REDISCLI_AUTH").ok().filter(|password| !password.is_empty()) {
        let user = env::var("HAGEN_REDIS_USER").ok().filter(|user| !user.is_empty());
        let words: Vec<&str> = ["AUTH"].into_iter().chain(user.as_deref()).chain([password.as_str()]).collect();
        send(&mut stream, &words)?;
        answer(&mut stream)?;
    }
    send(&mut stream, &["CONFIG", "GET", "*"])?;
    let texts = answer(&mut stream)?;
    let pairs = texts.chunks(2).filter_map(|pair| match pair {
        [name, value] => Some((name.clone(), value.clone())),
        _ => None,
    });
    let settings: BTreeMap<String, String> = pairs.collect();
    let (mut nodes, mut alone) = (None, None);
    if settings.get("cluster-enabled").is_some_and(|value| value == "yes") {
        send(&mut stream, &["CLUSTER", "NODES"])?;
        let text = answer(&mut stream)?.into_iter().next().unwrap_or_default();
        nodes = Some(layout::nodes(&text).ok_or("what it answers to CLUSTER NODES cannot be read")?);
    } else {
        send(&mut stream, &["INFO", "replication"])?;
        let text = answer(&mut stream)?.into_iter().next().unwrap_or_default();
        alone = layout::replication(&text, address);
    }
    Ok(Told { settings, nodes, alone })
}

fn send(stream: &mut BufReader<Box<dyn Both>>, words: &[&str]) -> Result<(), String> {
    let mut text = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| text.push_str(&format!("${}\r\n{word}\r\n", word.len())));
    let stream = stream.get_mut();
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).map_err(|error| said(&error))
}

/// An answer, as the texts in it.
fn answer(stream: &mut impl BufRead) -> Result<Vec<String>, String> {
    let head = line(stream)?;
    let (kind, rest) = head.split_at_checked(1).ok_or("it answers nothing")?;
    match kind {
        "+" | ":" => Ok(vec![rest.to_owned()]),
        "-" => Err(format!("it answers: {}", rest.escape_debug())),
        "$" => Ok(vec![bulk(stream, rest)?]),
        "*" => {
            let count = length(rest)?;
            let (mut texts, mut total) = (Vec::new(), 0);
            for _ in 0..count {
                let head = line(stream)?;
                let rest = head.strip_prefix('$').ok_or("it answers with no list of texts")?;
                let text = bulk(stream, rest)?;
                total += text.len() + size_of::<String>();
                if total > MOST {
                    return Err("an answer of more than 16 MiB".to_owned());
                }
                texts.push(text);
            }
            Ok(texts)
        }
        _ => Err("what answers is no Redis".to_owned()),
    }
}

fn length(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|length| *length <= MOST)
        .ok_or_else(|| "what answers is no Redis: a length that cannot be".to_owned())
}

fn bulk(stream: &mut impl BufRead, length_of: &str) -> Result<String, String> {
    let mut bytes = vec![0; length(length_of)? + 2];
    stream.read_exact(&mut bytes).map_err(|error| said(&error))?;
    bytes.truncate(bytes.len() - 2);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn line(stream: &mut impl BufRead) -> Result<String, String> {
    let mut bytes = Vec::new();
    stream.take(MOST as u64).read_until(b'\n', &mut bytes).map_err(|error| said(&error))?;
    if bytes.is_empty() {
        return Err("it hung up; does it want TLS?".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn answers_are_read_as_redis_writes_them() {
        let read = |text: &str| answer(&mut Cursor::new(text.as_bytes().to_vec()));
        assert_eq!(read("*2\r\n$4\r\nsave\r\n$0\r\n\r\n"), Ok(vec!["save".to_owned(), String::new()]));
        assert_eq!(read("+OK\r\n"), Ok(vec!["OK".to_owned()]));
        assert!(read("-NOAUTH Authentication required.\r\n").is_err_and(|why| why.contains("NOAUTH")));
        for broken in ["", "HTTP/1.1 400 Bad Request\r\n", "*9999999999\r\n", "*1\r\n$5\r\nab", "*1\r\n+OK\r\n"] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }
}
