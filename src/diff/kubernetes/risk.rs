//! What carrying out a change of an object does to what runs.

use crate::diff::{Graded, Risk, What};

/// What an object is, as far as the risk depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// What runs in it (`app.kubernetes.io/name`): `postgres`, `redis`, or the service.
    pub name: &'a str,
    /// Whether its pods wait for somebody to delete them (`OnDelete`).
    pub on_delete: bool,
}

const IMMUTABLE: &str = "the API server refuses to change it";
const ANEW: &str = "delete it and apply it anew";

/// The risk of a change at a path.
pub fn of(subject: Subject<'_>, keys: &[&str], what: &What) -> Graded {
    match keys {
        [] => whole(subject, what),
        ["metadata", "labels", ..] if subject.kind == "Namespace" => {
            Graded::new(Risk::Reload, "it decides what pods may do there, and which mesh they are in")
        }
        ["metadata", "annotations", name, ..] if is_right(name) => {
            Graded::new(Risk::Reload, "it decides which rights its pods have in the cloud")
        }
        ["metadata", ..] => Graded::new(Risk::Metadata, "labels and annotations restart nothing"),
        _ => field(subject, keys),
    }
}

/// Annotations by which clouds give rights to a ServiceAccount.
pub fn is_right(annotation: &str) -> bool {
    const RIGHTS: [&str; 3] = ["azure.workload.identity/", "eks.amazonaws.com/role-arn", "iam.gke.io/"];
    RIGHTS.iter().any(|start| annotation.starts_with(start))
}

/// All of an object.
fn whole(subject: Subject<'_>, what: &What) -> Graded {
    if matches!(what, What::Missing) {
        return match subject.kind {
            "NetworkPolicy" => {
                Graded::new(Risk::Reload, "pods that it selects may do only what policies allow, at once")
            }
            "PodDisruptionBudget" | "HorizontalPodAutoscaler" | "ScaledObject" => {
                Graded::new(Risk::Reload, "it acts on pods that run")
            }
            _ => Graded::new(Risk::None, "it is not there: applying makes it, and changes nothing that runs"),
        };
    }
    const STAYS: &str = "`kubectl apply` leaves it there; who deletes it should know what it does";
    match subject.kind {
        "Namespace" => Graded::new(Risk::DataLoss, "everything in it goes with it").by(STAYS),
        "PersistentVolumeClaim" | "PersistentVolume" | "StatefulSet" => {
            Graded::new(Risk::DataLoss, "its volumes may go with it").by(STAYS)
        }
        "Deployment" | "DaemonSet" | "Service" | "Ingress" | "HTTPRoute" | "Gateway" | "VirtualService" => {
            Graded::new(Risk::BriefOutage, "who still calls it gets no answer once it is deleted").by(STAYS)
        }
        _ => Graded::new(Risk::Reload, "it goes on acting until it is deleted").by(STAYS),
    }
}

fn field(subject: Subject<'_>, keys: &[&str]) -> Graded {
    let reload = || Graded::new(Risk::Reload, "it is taken over while everything runs");
    match (subject.kind, keys) {
        ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job", ["spec", "selector", ..]) => {
            Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW)
        }
        ("Job", ["spec", "template" | "completions" | "completionMode", ..]) => Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW),
        ("StatefulSet", ["spec", "volumeClaimTemplates", ..]) => Graded::new(Risk::Recreate, IMMUTABLE).by(
            "`kubectl delete statefulset NAME --cascade=orphan`, then apply; volumes that are there keep their size: grow each claim",
        ),
        ("StatefulSet", ["spec", "serviceName" | "podManagementPolicy", ..]) => {
            Graded::new(Risk::Recreate, IMMUTABLE).by("`kubectl delete statefulset NAME --cascade=orphan`, then apply")
        }
        ("StatefulSet", ["spec", "template", ..]) if subject.on_delete => match subject.name {
            "postgres" => Graded::new(Risk::BriefOutage, "members are restarted by hand, and the primary has to move once")
                .by("REGION/patroni/CLUSTER/README.md, \"Roll a change\": replicas first, switchover, then the old primary"),
            "redis" => Graded::new(Risk::BriefOutage, "nodes are restarted by hand, and each primary has to move once")
                .by("REGION/redis/CLUSTER/roll.sh: replicas before primaries"),
            _ => Graded::new(Risk::RollingRestart, "pods are restarted when they are deleted").by("delete its pods one at a time"),
        },
        ("Deployment" | "StatefulSet" | "DaemonSet", ["spec", "template", ..]) => {
            Graded::new(Risk::RollingRestart, "the pod template changes: every pod is replaced")
        }
        ("Deployment" | "StatefulSet", ["spec", "replicas"]) => Graded::new(Risk::Reload, "pods are started or stopped"),
        ("Service", ["spec", "clusterIP" | "clusterIPs" | "ipFamilies", ..]) => {
            Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW)
        }
        ("Service", ["spec", "selector" | "ports" | "type" | "externalName", ..]) => {
            Graded::new(Risk::BriefOutage, "connections go elsewhere, or nowhere, from one moment to the next")
        }
        ("HTTPRoute" | "GRPCRoute" | "Gateway" | "Ingress" | "VirtualService", ["spec", ..]) => {
            Graded::new(Risk::BriefOutage, "requests take another way from one moment to the next")
        }
        ("PriorityClass", ["value" | "preemptionPolicy"]) | ("StorageClass", _) => {
            Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW)
        }
        ("PersistentVolumeClaim", ["spec", "resources", ..]) => {
            Graded::new(Risk::Reload, "a volume grows while it is used, where its class allows it; it never shrinks")
        }
        ("RoleBinding" | "ClusterRoleBinding", ["roleRef", ..]) => Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW),
        ("ConfigMap", ["immutable"]) => Graded::new(Risk::Recreate, IMMUTABLE).by(ANEW),
        ("ConfigMap", ["data", "patroni.yml", ..]) => {
            Graded::new(Risk::Reload, "Patroni reads it when it starts, and what stands below `bootstrap.dcs` never again (F-PT-11)")
                .by("`patronictl edit-config` for what stands below `bootstrap.dcs`; the rest is there after a restart of each member")
        }
        ("ConfigMap", ["data", "redis.conf", ..]) => {
            Graded::new(Risk::RollingRestart, "Redis reads it when it starts")
                .by("restart one node after the other, replicas before primaries (REGION/redis/CLUSTER/roll.sh); many settings can be set by `CONFIG SET` as well")
        }
        ("ConfigMap", ["data" | "binaryData", ..]) => {
            Graded::new(Risk::Reload, "pods that read it when they start keep what they have until they are restarted")
                .by("`kubectl rollout restart` what reads it, where its own template stays the same")
        }
        ("Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding", _) => {
            Graded::new(Risk::Reload, "whoever holds it may do other things, at once")
        }
        ("NetworkPolicy", ["spec", ..]) => Graded::new(Risk::Reload, "who may talk to whom is another thing, at once"),
        ("CronJob", ["spec", "suspend"]) => Graded::new(Risk::Reload, "while it is suspended it starts no job")
            .by("`kubectl patch` its `spec.suspend` to false; applying leaves what is not rendered"),
        ("Deployment", ["spec", "paused"]) => Graded::new(Risk::Reload, "while it is paused no change of it rolls out")
            .by("`kubectl rollout resume`; applying leaves what is not rendered"),
        ("PodDisruptionBudget", ["spec", ..]) => Graded::new(Risk::Reload, "the next eviction is judged by it"),
        _ => reload(),
    }
}
