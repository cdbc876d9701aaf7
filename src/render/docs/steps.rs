//! The steps of a region on Kubernetes: apply, wait, change a data store, promote, go back.

use serde::Serialize;

use crate::blueprint::{Blueprint, Postgres, PostgresRole, Redis, Region, names, raw};
use crate::render::Job;
use crate::render::kubernetes::common;

/// What is typed for a region.
#[derive(Serialize)]
pub(super) struct Kubernetes {
    /// Whether kubectl must be pointed at this region first, because nothing names its context.
    switch: bool,
    commands: Vec<String>,
    waits: Vec<Wait>,
    /// How one service is applied; `NAME` stands for it.
    one: Option<String>,
    postgres: Vec<Change>,
    redis: Vec<String>,
}

impl Kubernetes {
    /// Whether a data store waits for people after a change.
    pub(super) fn by_hand(&self) -> bool {
        !self.postgres.is_empty() || !self.redis.is_empty()
    }
}

#[derive(Serialize)]
struct Wait {
    what: String,
    command: String,
}

/// How a change reaches the members of a PostgreSQL cluster.
#[derive(Serialize)]
struct Change {
    name: String,
    behind: String,
    list: String,
    delete: String,
    switchover: String,
    page: String,
}

/// A second region's PostgreSQL, and how it becomes the one that writes.
#[derive(Serialize)]
pub(super) struct Promotion {
    cluster: String,
    region: String,
    primary: String,
    /// The page of the cluster, which has every step.
    page: String,
    /// Whether it runs on Kubernetes.
    on_kubernetes: bool,
    /// The host name that the services of all regions write to, and what it leads to afterwards.
    old_endpoint: Option<String>,
    new_endpoint: Option<String>,
    /// Whether it is backed up.
    backup: bool,
    /// The Redis clusters of both regions whose keys stay behind.
    left_behind: Vec<String>,
}

/// The tools of a region.
struct Tools<'a> {
    blueprint: &'a Blueprint,
    region: &'a Region,
    /// In the order of their paths.
    jobs: &'a [Job],
}

impl Tools<'_> {
    /// `kubectl`, pointed at the cluster of the region.
    fn kubectl(&self) -> String {
        common::kubectl(self.region)
    }

    /// The same inside the namespace.
    fn inside(&self) -> String {
        common::kubectl_inside(self.blueprint, self.region)
    }

    fn apply(&self, what: &str) -> String {
        format!("{} apply --server-side --field-manager=hagen{what}", self.kubectl())
    }

    /// A file of the region, where there is one.
    fn file(&self, name: &str) -> Option<&Job> {
        let path = format!("{}/kubernetes/{name}.yaml", self.region.name);
        let found = self.jobs.binary_search_by(|job| job.path.as_str().cmp(&path));
        found.ok().map(|at| &self.jobs[at])
    }

    /// `patronictl` in a member of a cluster.
    fn patronictl(&self, cluster: &Postgres, terminal: bool, what: &str) -> String {
        let terminal = if terminal { " --stdin --tty" } else { "" };
        let member = names::pod(&cluster.object(), 0);
        format!("{} exec{terminal} {member} --container patroni -- patronictl {what}", self.inside())
    }

    fn rollout(&self, workload: &str, minutes: u32) -> String {
        format!("{} rollout status --timeout={minutes}m {workload}", self.inside())
    }

    fn ready(&self, object: &str, component: &str, minutes: u32) -> String {
        format!(
            "{} wait --for=condition=Ready --timeout={minutes}m pod --selector={}={object},{}={component}",
            self.inside(),
            names::INSTANCE,
            names::COMPONENT
        )
    }

    fn postgres(&self) -> impl Iterator<Item = &Postgres> {
        self.blueprint.postgres.iter().filter(|p| self.file(&p.object()).is_some())
    }

    fn redis(&self) -> impl Iterator<Item = &Redis> {
        self.blueprint.redis.iter().filter(|r| self.file(&r.object()).is_some())
    }

    /// In the order in which they come up: what others need first.
    fn waits(&self) -> Vec<Wait> {
        let mut waits = Vec::new();
        for cluster in self.postgres() {
            self.wait_for_postgres(cluster, &mut waits);
        }
        for cluster in self.redis() {
            waits.push(Wait {
                what: format!("Redis {}: all {} nodes ready", cluster.name, cluster.node_count()),
                command: self.ready(&cluster.object(), "cache", 10),
            });
            if let Some(job) = self.file(&cluster.object()).and_then(|file| file.one_time.as_ref()) {
                waits.push(Wait {
                    what: format!("Redis {}: the cluster is formed; ready nodes alone are none", cluster.name),
                    command: format!("{} wait --for=condition=complete --timeout=10m job/{job}", self.inside()),
                });
            }
        }
        let services = self.blueprint.services.iter();
        let running = services.filter(|s| s.replicas(self.region).0 > 0 && self.file(&s.name).is_some());
        waits.extend(running.map(|service| Wait {
            what: format!("service {}", service.name),
            command: self.rollout(&format!("deployment/{}", service.name), 10),
        }));
        self.first_backups(&mut waits);
        waits
    }

    /// Before the first night nothing could be restored, and every alert on backups would say so.
    fn first_backups(&self, waits: &mut Vec<Wait>) {
        let mut first = |what: String, job: &str| {
            let command = format!("{} create job --from=cronjob/{job} {job}-first", self.inside());
            waits.push(Wait { what, command });
        };
        let backed_up = |cluster: &&Postgres| {
            matches!(cluster.role(self.region), Some(PostgresRole::Primary | PostgresRole::Subscriber))
        };
        for cluster in self.postgres().filter(backed_up) {
            let there = cluster.backup_jobs();
            let name = &cluster.name;
            for (kind, what) in
                [("full", "the first full backup"), ("verify", "then, when it is done, the first restore")]
            {
                let job = names::postgres_backup(name, kind);
                if there.contains(&job) {
                    first(format!("once, at the first installation, PostgreSQL {name}: {what}"), &job);
                }
            }
        }
        for cluster in self.redis().filter(|cluster| cluster.spec.backup.is_some()) {
            let what = format!("once, at the first installation, Redis {}: the first snapshots", cluster.name);
            first(what, &names::redis_backup(&cluster.name));
        }
    }

    fn wait_for_postgres(&self, cluster: &Postgres, waits: &mut Vec<Wait>) {
        let name = &cluster.name;
        let etcd = names::postgres_etcd(name);
        if self.file(&format!("{}-etcd", cluster.object())).is_some() {
            waits.push(Wait {
                what: format!("etcd of PostgreSQL {name}: without a majority nobody becomes leader"),
                command: self.rollout(&format!("statefulset/{etcd}"), 10),
            });
        }
        // The members are replaced by hand (`OnDelete`): `rollout status` knows nothing of them.
        waits.push(Wait {
            what: format!("PostgreSQL {name}: all {} members ready", cluster.member_count(self.region)),
            command: self.ready(&cluster.object(), "database", 15),
        });
        let leader = match cluster.role(self.region) {
            Some(PostgresRole::Standby) => "one Standby Leader",
            _ => "one Leader",
        };
        waits.push(Wait {
            what: format!("PostgreSQL {name}: {leader}, the others streaming"),
            command: self.patronictl(cluster, false, "list"),
        });
        if cluster.role(self.region) == Some(PostgresRole::Subscriber) {
            waits.push(Wait {
                what: format!(
                    "once, at the first installation, PostgreSQL {name}: in the pod of its Leader, when {} runs; until then the slot there keeps WAL",
                    cluster.primary_region
                ),
                command: format!("{} exec {} --container patroni -- /etc/patroni/subscribe.sh", self.inside(), names::pod(&cluster.object(), 0)),
            });
        }
        for (part, object) in [("router", names::postgres_router(name)), ("pool", names::postgres_pool(name))] {
            if self.file(&object).is_some() {
                waits.push(Wait {
                    what: format!("{part} of PostgreSQL {name}"),
                    command: self.rollout(&format!("deployment/{object}"), 10),
                });
            }
        }
    }

    fn change(&self, cluster: &Postgres) -> Change {
        let selector = format!("{}={},{}=database", names::INSTANCE, cluster.object(), names::COMPONENT);
        let inside = self.inside();
        Change {
            name: cluster.name.clone(),
            behind: format!(
                "{inside} get statefulset/{} --output=jsonpath='{{.status.updateRevision}}' && {inside} get pods --selector={selector} --label-columns=controller-revision-hash",
                cluster.object()
            ),
            list: self.patronictl(cluster, false, "list"),
            delete: format!("{inside} delete pod {}-NUMBER", cluster.object()),
            switchover: self.patronictl(cluster, true, "switchover"),
            page: format!("{}/patroni/{}/README.md", self.region.name, cluster.name),
        }
    }
}

/// The steps of a region.
pub(super) fn kubernetes(blueprint: &Blueprint, region: &Region, jobs: &[Job]) -> Kubernetes {
    let tools = Tools { blueprint, region, jobs };
    let others = blueprint.regions.iter().filter(|other| super::prerequisites::has_objects(other, jobs)).count();
    let all = format!("-k {}/kubernetes", region.name);
    let services = blueprint.services.iter().any(|service| tools.file(&service.name).is_some());
    Kubernetes {
        switch: region.spec.kube_context.is_none() && others > 1,
        commands: vec![
            tools.apply(&format!(" --validate=strict -f {}/kubernetes/00-namespace.yaml", region.name)),
            tools.apply(&format!(" --dry-run=server --validate=strict {all}")),
            tools.apply(&format!(" --validate=strict {all}")),
        ],
        waits: tools.waits(),
        one: services.then(|| tools.apply(&format!(" --validate=strict -f {}/kubernetes/NAME.yaml", region.name))),
        postgres: tools.postgres().map(|cluster| tools.change(cluster)).collect(),
        redis: tools.redis().map(|cluster| format!("sh {}/redis/{}/roll.sh", region.name, cluster.name)).collect(),
    }
}

/// Each standby cluster with what its promotion takes.
pub(super) fn promotions(blueprint: &Blueprint) -> Vec<Promotion> {
    let mut all = Vec::new();
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered()) {
        let Some(primary) = blueprint.region(&cluster.primary_region) else { continue };
        for region in blueprint.regions.iter().filter(|r| cluster.role(r) == Some(PostgresRole::Standby)) {
            let both = |redis: &&Redis| redis.in_region(primary) && redis.in_region(region);
            let kept = |redis: &&Redis| redis.spec.usage != raw::Usage::Cache;
            all.push(Promotion {
                cluster: cluster.name.clone(),
                region: region.name.clone(),
                primary: primary.name.clone(),
                page: format!("{}/patroni/{}/README.md", region.name, cluster.name),
                on_kubernetes: cluster.on_kubernetes(),
                old_endpoint: cluster.endpoint(&primary.name),
                new_endpoint: cluster.endpoint(&region.name),
                backup: cluster.spec.backup.is_some(),
                left_behind: blueprint.redis.iter().filter(both).filter(kept).map(|r| r.name.clone()).collect(),
            });
        }
    }
    all
}
