//! What may be written and is not rendered: said at its line, so that nobody waits for a file that never comes.

use super::Resolver;
use crate::blueprint::raw;
use crate::diagnostics::{Diagnostic, Place};
use crate::document::Path;
use crate::path;

impl Resolver<'_> {
    pub(super) fn unrendered(&mut self) {
        let spec = self.spec;
        if spec.monitoring.as_ref().is_some_and(|monitoring| monitoring.dashboards) {
            self.silent(
                path!["monitoring", "dashboards"],
                "dashboards are not rendered",
                "hagen writes rules, scrape configurations and receivers, and no dashboards yet",
            );
        }
        for (name, service) in &spec.services {
            if service.platform != raw::ServicePlatform::Kubernetes {
                self.problems.push(
                    Diagnostic::info(
                        "BP168",
                        Place::Value(path!["services", name, "platform"]),
                        format!("`{name}` is not rendered"),
                    )
                    .because("hagen writes services for Kubernetes only")
                    .fix("deploy it with its platform's own tools; nothing has to be changed here"),
                );
            }
        }
        for (name, cluster) in &spec.postgres {
            let at = path!["postgres", name];
            if cluster.manager != raw::Manager::Patroni {
                let written = [
                    ("image", cluster.image.is_some()),
                    ("storage", cluster.storage.is_some()),
                    ("hosts", !cluster.hosts.is_empty()),
                    ("resources", cluster.resources.is_some()),
                    ("parameters", !cluster.parameters.is_empty()),
                ];
                for (field, _) in written.into_iter().filter(|(_, written)| *written) {
                    self.silent(
                        at.key(field),
                        &format!("`{field}` is not rendered"),
                        "hagen renders clusters under Patroni only; this one's manager decides",
                    );
                }
                if cluster.pool.image.is_some() {
                    self.silent(
                        at.key("pool").key("image"),
                        "this pool is not rendered",
                        "hagen renders the pool of clusters under Patroni only",
                    );
                }
            } else if cluster.platform == raw::StorePlatform::Hosts {
                self.host_storage(&at, cluster.storage.is_some());
                self.host_storage(&at.key("consensus"), cluster.consensus.storage.is_some());
            }
        }
        for (name, cluster) in &spec.redis {
            let at = path!["redis", name];
            match cluster.platform {
                raw::StorePlatform::Hosts => self.host_storage(&at, cluster.storage.is_some()),
                raw::StorePlatform::Kubernetes => {}
                raw::StorePlatform::Memorystore | raw::StorePlatform::Elasticache => {
                    let written = [
                        ("image", cluster.image.is_some()),
                        ("storage", cluster.storage.is_some()),
                        ("hosts", !cluster.hosts.is_empty()),
                    ];
                    for (field, _) in written.into_iter().filter(|(_, written)| *written) {
                        self.silent(
                            at.key(field),
                            &format!("`{field}` is not rendered"),
                            "the provider runs this cluster",
                        );
                    }
                }
            }
        }
    }

    fn host_storage(&mut self, at: &Path, written: bool) {
        if written {
            self.silent(
                at.key("storage"),
                "`storage` is not rendered on hosts",
                "it sizes volumes on Kubernetes; on hosts the data lies in a directory that has to be there",
            );
        }
    }

    fn silent(&mut self, at: Path, title: &str, why: &str) {
        self.problems.push(Diagnostic::warning("BP165", Place::Key(at), title).because(why).fix("leave it out"));
    }
}
