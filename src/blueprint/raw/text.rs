//! Texts with a form: names, labels, references, cron times, secret references, verbatim values.

use std::borrow::{Borrow, Cow};
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// The form of a text for people: one line, without control characters, and not of blanks alone.
pub const LINE: &str = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029\uFEFF]*[^\s\u00A0\u1680\u2000-\u200F\u202F\u205F\u2060\u3000\x00-\x1F\x7F-\x9F\u2028\u2029\uFEFF][^\x00-\x1F\x7F-\x9F\u2028\u2029\uFEFF]*$";
/// The form of a name that another system gave: an ARN, a kubeconfig context, an account.
pub const FOREIGN_NAME: &str = r"^[A-Za-z0-9][-A-Za-z0-9._:/@+=,~]*$";

/// The form of a host with its port.
pub const HOST_PORT: &str = r"^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
/// The form of a mail address.
pub const MAIL: &str = r"^[A-Za-z0-9_+-]+([.][A-Za-z0-9_+-]+)*@[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$";
/// The form of a key of a Secret.
pub const SECRET_KEY: &str = r"^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,251}$";

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A value known to have the form.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text!(
    /// A DNS label of at most 40 characters, so that what hagen adds around it still fits into 63.
    Name, {"type": "string", "pattern": "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", "examples": ["main"]}
);
text!(
    /// A key of a Kubernetes label or annotation, without reserved prefixes.
    LabelKey, {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$", "maxLength": 253, "examples": ["team"]}
);
text!(
    /// A value of a Kubernetes label.
    LabelValue, {"type": "string", "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", "maxLength": 63, "examples": ["shop"]}
);
text!(
    /// The name of an environment variable.
    EnvName, {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]{0,127}$", "examples": ["LOG_LEVEL"]}
);
text!(
    /// A cron time of five fields, in UTC.
    Cron, {"type": "string", "pattern": "^[0-9*,/-]+ [0-9*,/-]+ [0-9*,/-]+ [0-9*,/-]+ [0-9*,/-]+$", "examples": ["0 2 * * *"], "x-hagen-cron": true}
);
text!(
    /// An image with tag and digest: `registry/name:tag@sha256:…`.
    Image, {"type": "string", "pattern": "^[a-z0-9]([-a-zA-Z0-9._:/]*[a-zA-Z0-9])?:[A-Za-z0-9_][-A-Za-z0-9_.]*@sha256:[0-9a-f]{64}$",
        "examples": ["registry.example.com/team/app:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]}
);
text!(
    /// A host name or an IPv4 or IPv6 address.
    Host, {"type": "string", "pattern": "^([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*|[0-9A-Fa-f:]+)$", "maxLength": 253, "examples": ["10.0.1.11", "pg-1.internal.example.com"], "x-hagen-host": true}
);
text!(
    /// A domain name.
    DomainName, {"type": "string", "pattern": "^([a-z0-9_]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", "maxLength": 253, "examples": ["example.com"]}
);
text!(
    /// An absolute path on a host or in a container, below the root, without `.` and `..`. No `%`, `:`, `,` and `+`: PostgreSQL, systemd,
    /// Kubernetes and connection strings each read one of them as something else.
    AbsolutePath, {"type": "string", "pattern": "^(/[.]{0,2}[A-Za-z0-9_@=-][A-Za-z0-9_@=.-]*)+/?$", "maxLength": 255, "examples": ["/etc/hagen/tls"]}
);
text!(
    /// A path of a URL.
    UrlPath, {"type": "string", "pattern": "^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$", "maxLength": 1024, "examples": ["/health/ready"]}
);
text!(
    /// An `http://` or `https://` address.
    Url, {"type": "string", "pattern": "^https?://[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$", "maxLength": 2048, "examples": ["https://api.example.com"]}
);
text!(
    /// A name of a Kubernetes object: a DNS subdomain.
    ObjectName, {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "maxLength": 253, "examples": ["shop"]}
);
text!(
    /// A PostgreSQL identifier that needs no quotes.
    SqlName, {"type": "string", "pattern": "^[a-z_][a-z0-9_]*$", "maxLength": 63, "examples": ["agentic_platform"]}
);
text!(
    /// The name of a PostgreSQL parameter.
    ParameterName, {"type": "string", "pattern": "^[a-z_][a-z0-9_.]{0,62}$", "examples": ["max_connections"]}
);
text!(
    /// A reference to another part of the blueprint by its path: `postgres.main`.
    Reference, {"type": "string", "pattern": "^(services|postgres|redis|external|backup|operations\\.contacts)\\.[a-z0-9-]+$",
        "examples": ["postgres.main", "external.openai"], "x-hagen-reference": true}
);

impl Reference {
    /// The section and the name: `postgres.main` is `("postgres", "main")`.
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('.').unwrap_or((&self.0, ""))
    }
}

/// A scalar that is passed on as it is written, whatever YAML makes of it: `100`, `4GB`, `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Verbatim(pub String);

impl<'de> Deserialize<'de> for Verbatim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The reader hands out the written text of any scalar that is asked for as a string.
        String::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Verbatim {
    fn schema_name() -> Cow<'static, str> {
        "Verbatim".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"], "examples": ["info"]})
    }
}

/// A patch (RFC 7386): any part of a blueprint; `null` deletes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patch(pub serde_json::Map<String, serde_json::Value>);

impl JsonSchema for Patch {
    fn schema_name() -> Cow<'static, str> {
        "Patch".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "x-hagen-patch": true, "examples": [{"objectives": {"availability": "99.5%"}}]})
    }
}

/// A reference to a secret: its name and the key in it. The value itself is never written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"secret": "api", "key": "password"}]))]
pub struct SecretRef {
    /// The Secret's name; with External Secrets also the name of the entry in the store.
    #[schemars(extend("examples" = ["api"]))]
    pub secret: ObjectName,
    /// The key in it.
    #[schemars(regex(pattern = SECRET_KEY))]
    #[schemars(extend("examples" = ["password"]))]
    pub key: String,
}

impl Host {
    /// As the programs that are told it print it again: an IPv6 address has many spellings, and they compare texts.
    pub fn canonical(&self) -> String {
        self.as_str().parse::<std::net::IpAddr>().map_or_else(|_| self.to_string(), |address| address.to_string())
    }
}
