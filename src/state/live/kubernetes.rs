//! The objects of each region's cluster, and what its API server says that applying the rendered ones would make of them.
//!
//! An apply is sent as a dry run, with hagen's field manager: nothing is stored, and the answer has all that the server, its
//! defaults and its webhooks would do.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::{Client, Config};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::super::{Asked, Cluster, Dump, HAGEN, Manner, ObjectId, Unread};
use super::chain;

/// How many requests are under way at a time.
const AT_ONCE: usize = 16;
/// The most pages of one kind.
const PAGES: u32 = 400;
/// The most objects of one page.
const PAGE: u32 = 500;

/// Asks the clusters, one beside the other.
pub async fn ask(clusters: &[Cluster], manner: Manner) -> (Vec<Dump>, Vec<Unread>) {
    let asked: Vec<_> = stream::iter(clusters).map(|cluster| one(cluster, manner)).buffered(AT_ONCE).collect().await;
    let (mut dumps, mut unread) = (Vec::new(), Vec::new());
    for (dump, problems) in asked {
        dumps.extend(dump);
        unread.extend(problems);
    }
    (dumps, unread)
}

/// What a kind of object is to the server.
#[derive(Clone)]
struct Known {
    resource: ApiResource,
    namespaced: bool,
}

async fn one(cluster: &Cluster, manner: Manner) -> (Option<Dump>, Vec<Unread>) {
    let source = format!("kubernetes/{}", cluster.region);
    let client = match client(cluster, manner).await {
        Ok(client) => client,
        Err(why) => {
            let hint = "KUBECONFIG names the file, `regions.NAME.kubeContext` or `--endpoint kubernetes/NAME=CONTEXT` the context in it";
            return (None, vec![Unread::new(&source, why, hint)]);
        }
    };
    let asker = Asker { client, manner, source, narrowed: Cell::new(false) };
    match asker.read(cluster).await {
        Ok((dump, problems)) => (Some(dump), problems),
        Err(problem) => (None, vec![problem]),
    }
}

/// The client of a cluster: the context that was named, the current one, or that of the pod that hagen runs in.
async fn client(cluster: &Cluster, manner: Manner) -> Result<Client, String> {
    let options = KubeConfigOptions { context: cluster.context.clone(), ..KubeConfigOptions::default() };
    let mut config = match Kubeconfig::read() {
        Ok(file) => Config::from_custom_kubeconfig(file, &options).await.map_err(|error| chain(&error))?,
        // A pod has no kubeconfig, and no contexts: it asks the cluster that it runs in. Where there is a file, or one was named,
        // and the context is not in it, that would be another cluster than the one that was meant.
        Err(error) if std::env::var_os("KUBECONFIG").is_none_or(|named| named.is_empty()) && is_missing(&error) => {
            Config::incluster().map_err(|_| chain(&error))?
        }
        Err(error) => return Err(chain(&error)),
    };
    // The client panics over it.
    let token = config.auth_info.token.as_ref().map(ExposeSecret::expose_secret);
    if token.is_some_and(|token| token.chars().any(char::is_control)) {
        return Err(
            "the token in the kubeconfig has a line end or another sign in it that no header may have".to_owned()
        );
    }
    config.connect_timeout = Some(manner.timeout);
    config.read_timeout = Some(manner.timeout);
    Client::try_from(config).map_err(|error| chain(&error))
}

/// Whether there is no kubeconfig at all.
fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        KubeconfigError::FindPath => true,
        _ => false,
    }
}

/// What the server says for itself; otherwise what became of the request.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => chain(other),
    }
}

fn is_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

struct Asker {
    client: Client,
    manner: Manner,
    source: String,
    /// Whether some kind could be listed in single namespaces only.
    narrowed: Cell<bool>,
}

impl Asker {
    async fn read(&self, cluster: &Cluster) -> Result<(Dump, Vec<Unread>), Unread> {
        let (kinds, mut problems) = self.kinds(cluster).await?;
        let mut objects: BTreeMap<ObjectId, Value> = BTreeMap::new();
        let (mut unlisted, mut untried, mut failed, mut hidden) =
            (Reasons::default(), Reasons::default(), Reasons::default(), Reasons::default());
        for known in kinds.values().flatten() {
            match self.labelled(known, &cluster.selector, &cluster.objects).await {
                Ok(found) => objects.extend(found.into_iter().filter_map(|value| Some((ObjectId::of(&value)?, value)))),
                Err(error) if is_code(&error, 403) => unlisted.add(known.resource.kind.clone(), said(&error)),
                Err(error) => failed.add(format!("all {}", known.resource.plural), said(&error)),
            }
        }
        let mut asked = Asked::default();
        let answers: Vec<Answer> = stream::iter(&cluster.objects)
            .filter_map(async |object| Some((ObjectId::of(object)?, object)))
            .map(|(id, object)| self.object(id, object, &kinds, &objects))
            .buffered(AT_ONCE)
            .collect()
            .await;
        for Answer { id, found } in answers {
            match found {
                Found::Nothing(None) => {}
                Found::Nothing(Some(why)) => drop(asked.outcomes.insert(id, Err(why))),
                Found::Hidden(why) => {
                    hidden.add(id.shown(), why);
                    asked.hidden.insert(id);
                }
                Found::There(object, outcome) => {
                    objects.insert(id.clone(), object);
                    match outcome {
                        Ok(applied) => drop(asked.outcomes.insert(id, Ok(applied))),
                        Err(Refused::ByServer(why)) => drop(asked.outcomes.insert(id, Err(why))),
                        // Compared with what is known of defaults, as a dump is.
                        Err(Refused::Forbidden(why)) => untried.add(id.shown(), why),
                        Err(Refused::Unanswered(why)) => failed.add(id.shown(), why),
                    }
                }
            }
        }
        if self.narrowed.get() {
            asked.unsure.push(
                "what is left over in namespaces that nothing is rendered for is not known: listing all is not allowed"
                    .to_owned(),
            );
        }
        asked.unsure.extend(unlisted.said("what is left over is not known, for these may not be listed"));
        asked
            .unsure
            .extend(untried.said("defaults and owners are hagen's own reading, for a dry run of these is not allowed"));
        problems.extend(hidden.said("these could not be read").map(|why| self.unread(why)));
        let again = "is a webhook down that judges them? The reason stands in brackets; `--timeout` allows more";
        let no_answer = failed.said("the API server gave no answer on these");
        problems.extend(no_answer.map(|why| Unread::new(&self.source, why, again)));
        let dump = Dump {
            source: self.source.clone(),
            region: Some(cluster.region.clone()),
            objects: objects.into_values().collect(),
            asked: Some(asked),
        };
        Ok((dump, problems))
    }

    fn unread(&self, why: String) -> Unread {
        Unread::new(&self.source, why, "docs/diff.md names the rights that `--live` needs: get, list and patch")
    }

    /// The kinds that are asked for; none for one that the server does not have. It need have no more than is rendered.
    async fn kinds(
        &self,
        cluster: &Cluster,
    ) -> Result<(BTreeMap<(String, String), Option<Known>>, Vec<Unread>), Unread> {
        let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let wanted: BTreeSet<(String, String)> =
            cluster.objects.iter().map(|object| (text(object, "apiVersion"), text(object, "kind"))).collect();
        let others = cluster.kinds.iter().filter(|kind| !wanted.contains(*kind)).cloned();
        let all: BTreeSet<(String, String)> = wanted.iter().cloned().chain(others).collect();
        let (mut kinds, mut problems) = (BTreeMap::new(), Vec::new());
        for (version, kind) in all {
            let (group, number) = version.split_once('/').unwrap_or(("", &version));
            let asked = GroupVersionKind::gvk(group, number, &kind);
            let known = match self.bounded(discovery::pinned_kind(&self.client, &asked)).await {
                Ok((resource, capabilities)) => {
                    Some(Known { resource, namespaced: capabilities.scope == Scope::Namespaced })
                }
                Err(error) if matches!(error, kube::Error::Discovery(_)) || is_code(&error, 404) => {
                    if !wanted.contains(&(version.clone(), kind.clone())) {
                        continue;
                    }
                    problems.push(Unread::new(
                        &self.source,
                        format!("the server knows no {kind} of {version}"),
                        "install its custom resource definition, or raise the version of the cluster, before applying",
                    ));
                    None
                }
                Err(error) => {
                    let hint = "is the API server reachable from here, and are the credentials valid?";
                    return Err(Unread::new(&self.source, said(&error), hint));
                }
            };
            kinds.insert((version, kind), known);
        }
        Ok((kinds, problems))
    }

    /// All objects of a kind that carry the labels: of all namespaces, or of those that are rendered where that is not allowed.
    async fn labelled(&self, known: &Known, selector: &str, objects: &[Value]) -> Result<Vec<Value>, kube::Error> {
        let everywhere = Api::<DynamicObject>::all_with(self.client.clone(), &known.resource);
        match self.pages(&everywhere, known, selector).await {
            Err(error) if is_code(&error, 403) && known.namespaced => {
                let of =
                    |object: &Value| object.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
                let namespaces: BTreeSet<String> = objects.iter().filter_map(of).collect();
                let mut all = Vec::new();
                self.narrowed.set(true);
                for namespace in namespaces {
                    let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &namespace, &known.resource);
                    all.extend(self.pages(&api, known, selector).await?);
                }
                Ok(all)
            }
            other => other,
        }
    }

    async fn pages(&self, api: &Api<DynamicObject>, known: &Known, selector: &str) -> Result<Vec<Value>, kube::Error> {
        let mut all = Vec::new();
        let mut asked = ListParams::default().labels(selector).limit(PAGE);
        for _ in 0..PAGES {
            let page = match self.bounded(api.list(&asked)).await {
                // What the rest of the pages was kept in is gone: all of it in one.
                Err(error) if is_code(&error, 410) => {
                    all.clear();
                    asked = ListParams::default().labels(selector);
                    self.bounded(api.list(&asked)).await?
                }
                other => other?,
            };
            all.extend(page.items.into_iter().map(|object| whole(object, known)));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => asked.continue_token = Some(token),
                None => return Ok(all),
            }
        }
        Err(kube::Error::Service(format!("its pages do not end: more than {} objects", all.len()).into()))
    }

    /// An object, and what it would be after applying the rendered one.
    async fn object(
        &self,
        id: ObjectId,
        rendered: &Value,
        kinds: &BTreeMap<(String, String), Option<Known>>,
        listed: &BTreeMap<ObjectId, Value>,
    ) -> Answer {
        let text = |key: &str| rendered.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(Some(known)) = kinds.get(&(text("apiVersion"), text("kind"))) else {
            return Answer { id, found: Found::Nothing(None) };
        };
        let api = match (known.namespaced, &*id.namespace) {
            (false, _) => Api::<DynamicObject>::all_with(self.client.clone(), &known.resource),
            (true, "") => Api::default_namespaced_with(self.client.clone(), &known.resource),
            (true, namespace) => Api::namespaced_with(self.client.clone(), namespace, &known.resource),
        };
        let live = match listed.get(&id) {
            Some(live) => live.clone(),
            None => match self.bounded(api.get_opt(&id.name)).await {
                Ok(Some(live)) => whole(live, known),
                Ok(None) => {
                    let made = self.applied(&api, &id, rendered, known).await;
                    let why = made.err().and_then(|refused| match refused {
                        Refused::ByServer(why) => Some(why),
                        // Its namespace is missing as well, as a rule: that is said of the namespace.
                        Refused::Forbidden(_) | Refused::Unanswered(_) => None,
                    });
                    return Answer { id, found: Found::Nothing(why) };
                }
                Err(error) => return Answer { id, found: Found::Hidden(said(&error)) },
            },
        };
        let outcome = self.applied(&api, &id, rendered, known).await;
        // Somebody wrote it between the two answers: the newer one is what was judged.
        let version = |object: &Value| object.pointer("/metadata/resourceVersion").cloned();
        let live = match &outcome {
            Ok(applied) if version(applied) != version(&live) => match self.bounded(api.get(&id.name)).await {
                Ok(newer) => whole(newer, known),
                Err(_) => live,
            },
            _ => live,
        };
        Answer { id, found: Found::There(live, outcome) }
    }

    /// What the server would make of applying an object: a dry run.
    async fn applied(
        &self,
        api: &Api<DynamicObject>,
        id: &ObjectId,
        rendered: &Value,
        known: &Known,
    ) -> Result<Value, Refused> {
        let asked =
            PatchParams { dry_run: true, force: true, field_manager: Some(HAGEN.to_owned()), ..PatchParams::default() };
        match self.bounded(api.patch(&id.name, &asked, &Patch::Apply(rendered))).await {
            Ok(applied) => Ok(whole(applied, known)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 409 | 413 | 422) => {
                Err(Refused::ByServer(status.message.clone()))
            }
            // Who may not apply it is told so in these words; policies, quotas and webhooks refuse the object itself.
            Err(kube::Error::Api(status)) if status.code == 403 => {
                let of_rights = status.message.contains(" cannot patch resource ")
                    || status.message.contains(" cannot create resource ")
                    || status.message.contains("attempting to grant RBAC permissions");
                let refused = if of_rights { Refused::Forbidden } else { Refused::ByServer };
                Err(refused(status.message.clone()))
            }
            Err(error) => Err(Refused::Unanswered(said(&error))),
        }
    }

    /// An answer within the time that one request may take.
    async fn bounded<T>(&self, asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
        match tokio::time::timeout(self.manner.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(kube::Error::Service(format!("no answer within {:?}", self.manner.timeout).into())),
        }
    }
}

struct Answer {
    id: ObjectId,
    found: Found,
}

/// What became of a rendered object.
enum Found {
    /// It is not there; and why the server would refuse to make it, where it would.
    Nothing(Option<String>),
    /// It could not be looked at.
    Hidden(String),
    /// It is there; and what it would be.
    There(Value, Result<Value, Refused>),
}

/// Why there is no outcome.
enum Refused {
    /// The server refuses the object.
    ByServer(String),
    /// Nobody with these credentials may ask.
    Forbidden(String),
    /// There was no answer.
    Unanswered(String),
}

/// What failed, and why the first of it did: many fail for one reason.
#[derive(Default)]
struct Reasons {
    what: Vec<String>,
    first: String,
}

impl Reasons {
    fn add(&mut self, what: String, why: String) {
        if self.what.is_empty() {
            self.first = why;
        }
        self.what.push(what);
    }

    /// All of it in a sentence; nothing where nothing failed.
    fn said(&self, about: &str) -> Option<String> {
        const SOME: usize = 4;
        let some: Vec<&str> = self.what.iter().take(SOME).map(String::as_str).collect();
        let more = self.what.len().saturating_sub(SOME);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!some.is_empty()).then(|| format!("{about}: {}{more} ({})", some.join(", "), self.first))
    }
}

/// An object as a value, with the version and kind that those of a list lack.
fn whole(object: DynamicObject, known: &Known) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), Value::from(known.resource.api_version.clone()));
        map.insert("kind".to_owned(), Value::from(known.resource.kind.clone()));
    }
    value
}
