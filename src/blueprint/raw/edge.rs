//! TLS, ingress and mesh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Name, ObjectName};

/// TLS, ingress and mesh.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"ingress": "gateway-api"}]))]
pub struct Edge {
    /// How public hosts get their certificate.
    #[serde(default)]
    pub tls: EdgeTls,
    /// What takes requests in from the outside.
    #[serde(default)]
    pub ingress: Ingress,
    /// The Gateway that routes attach to, with `ingress: gateway-api`.
    #[serde(default)]
    pub gateway: Gateway,
    /// The namespace that the ingress controller or gateway runs in; NetworkPolicies let it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["istio-ingress"]))]
    pub namespace: Option<Name>,
    /// The service mesh; without it none is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Mesh>,
}

impl Edge {
    /// Whether requests from the outside come through a proxy of the mesh.
    pub fn in_mesh(&self) -> bool {
        self.mesh.is_some() && self.ingress == Ingress::GatewayApi && self.gateway.is_istio()
    }

    /// Whether the mesh counts the requests of a service: a sidecar counts all of them; without sidecars a waypoint counts
    /// what other services call, and the Gateway what comes from outside. The error says what nobody sees.
    ///
    /// # Errors
    /// Where requests pass no proxy that counts.
    pub fn counts(&self, exposure: super::Exposure, called: bool) -> Result<(), &'static str> {
        let ambient = self.mesh.as_ref().is_some_and(|mesh| mesh.data_plane == DataPlane::Ambient);
        match exposure {
            _ if !ambient => Ok(()),
            super::Exposure::Public if self.in_mesh() => Ok(()),
            super::Exposure::Public => {
                Err("what comes through an ingress outside of the mesh passes no proxy that counts")
            }
            super::Exposure::Internal if called => Ok(()),
            super::Exposure::Internal => Err("no service calls it, so it has no waypoint that counts"),
        }
    }
}

/// How public hosts get their certificate.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"issuer": "letsencrypt-prod"}]))]
pub struct EdgeTls {
    /// The cert-manager ClusterIssuer; without it the Secret must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["letsencrypt-prod"]))]
    pub issuer: Option<ObjectName>,
    /// The oldest TLS version that is accepted, as far as the ingress can be told.
    #[serde(default)]
    pub minimum: TlsVersion,
    /// The Secret that holds the certificate; `NAME-tls` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["shop-tls"]))]
    pub secret: Option<ObjectName>,
}

/// A TLS version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "TLS1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "TLS1.3")]
    Tls13,
}

/// What takes requests in from the outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ingress {
    /// Gateway API.
    #[default]
    GatewayApi,
    /// The nginx ingress controller; retired upstream (F-LB-07).
    Nginx,
    /// The AWS load balancer controller.
    Alb,
    /// Nothing.
    None,
}

/// The Gateway of the Gateway API.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// Its GatewayClass.
    #[serde(default = "default_class")]
    pub class: ObjectName,
    /// Its name; hagen renders it into the namespace of the system.
    #[serde(default = "default_name")]
    pub name: Name,
}

impl Gateway {
    /// Whether Istio runs its proxies, in the Gateway's own namespace.
    pub fn is_istio(&self) -> bool {
        self.class.as_str() == "istio"
    }
}

fn default_class() -> ObjectName {
    ObjectName::new("istio")
}
fn default_name() -> Name {
    Name::new("public")
}

impl Default for Gateway {
    fn default() -> Self {
        Self { class: default_class(), name: default_name() }
    }
}

/// The service mesh.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mesh {
    /// Istio.
    #[serde(default)]
    pub kind: MeshKind,
    /// How pods join it.
    #[serde(default)]
    pub data_plane: DataPlane,
}

/// The kind of mesh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeshKind {
    /// Istio.
    #[default]
    Istio,
}

/// How pods join a mesh. A sidecar whose init container sets up the network cannot run under pod security `restricted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataPlane {
    /// Without sidecars.
    #[default]
    Ambient,
    /// With sidecars, the network set up by the CNI plugin.
    Cni,
}
