//! Live sources of `diff`: what is to be asked, and the metrics that a watch for drift leaves behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum as _;

use crate::blueprint::Blueprint;
use crate::cli::Failure;
use crate::cli::args::Diff;
use crate::diff::{Reach, is_rendered, reach};
use crate::env::{Env as _, Os};
use crate::render::ArtifactSet;
use crate::state::{LiveKind, Manner, State, Unread};

/// What live sources show.
pub(super) struct Live {
    /// What was read.
    pub state: State,
    /// What was not.
    pub unread: Vec<Unread>,
    /// What could not be asked, and was not named, in sentences.
    pub unreached: Vec<String>,
}

/// Asks the sources of these kinds; of all kinds where none is named.
pub(super) fn ask(args: &Diff, kinds: &[LiveKind], blueprint: &Blueprint, set: &ArtifactSet) -> Result<Live, Failure> {
    let named = !kinds.is_empty();
    // Where none is named, what is not rendered is nobody's question.
    let all = LiveKind::value_variants().iter().copied().filter(|kind| is_rendered(set, *kind));
    let kinds: Vec<LiveKind> = if named { kinds.to_vec() } else { all.collect() };
    let mut endpoints: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for endpoint in &args.endpoints {
        endpoints.entry((endpoint.kind, endpoint.name.clone())).or_default().push(endpoint.address.clone());
    }
    let Reach { wanted, unreached } = reach(blueprint, set, &kinds, &endpoints).map_err(Failure::new)?;
    let (state, mut unread) = asked(&wanted, Manner { timeout: args.timeout })?;
    if !named {
        return Ok(Live { state, unread, unreached });
    }
    // Who names a kind wants to know of it.
    let hint = "`--live` without kinds asks what can be asked";
    unread.extend(unreached.into_iter().map(|why| Unread { source: "--live".to_owned(), why, hint: hint.to_owned() }));
    Ok(Live { state, unread, unreached: Vec::new() })
}

#[cfg(feature = "live")]
#[expect(clippy::unnecessary_wraps, reason = "without the clients it fails")]
fn asked(wanted: &crate::state::Wanted, manner: Manner) -> Result<(State, Vec<Unread>), Failure> {
    Ok(crate::state::live::ask(wanted, manner))
}

#[cfg(not(feature = "live"))]
fn asked(_: &crate::state::Wanted, _: Manner) -> Result<(State, Vec<Unread>), Failure> {
    Err(without("--live"))
}

#[cfg(not(feature = "live"))]
fn without(option: &str) -> Failure {
    Failure::new(format!("this hagen was built without the clients that `{option}` needs"))
        .hint("build it with `cargo install --path . --features live`; `--against` takes what other programs printed")
}

/// Leaves metrics where they were asked for.
pub(super) fn metrics(args: &Diff, text: &str) -> Result<(), Failure> {
    if let Some(file) = &args.metrics {
        // Whoever reads it never sees half of it.
        let mut half = file.clone().into_os_string();
        half.push(".tmp");
        let half = PathBuf::from(half);
        Os.write(&half, text.as_bytes(), false).and_then(|()| Os.rename(&half, file)).map_err(|error| {
            let _ = Os.remove_file(&half);
            Failure::new(format!("{}: {error}", file.display())).hint("name a file that can be written")
        })?;
    }
    args.push.as_deref().map_or(Ok(()), |url| push(url, text, Manner { timeout: args.timeout }))
}

#[cfg(feature = "live")]
fn push(url: &str, text: &str, manner: Manner) -> Result<(), Failure> {
    crate::state::live::push(url, text, manner).map_err(|problem| super::diff::failure(&problem))
}

#[cfg(not(feature = "live"))]
fn push(_: &str, _: &str, _: Manner) -> Result<(), Failure> {
    Err(without("--push"))
}
