//! The scripts of a region that subscribes to another one, the same on hosts and in pods.

use serde::Serialize;

use super::dcs;
use crate::blueprint::{Postgres, PostgresRole, Region, names};

/// What a platform knows of a member that the scripts run on.
pub struct Place<'a> {
    /// The directory of PostgreSQL's programs.
    pub bin: String,
    /// The directory of its socket.
    pub run: String,
    /// Its port.
    pub port: u16,
    /// The port that the endpoint of the publishing region answers on.
    pub endpoint_port: u16,
    /// The file that PostgreSQL finds the password of the publishing region in.
    pub passfile: String,
    /// The variable that holds the password of the services' role.
    pub password: &'static str,
    /// The directory of the certificates, where there is encryption.
    pub certificates: Option<String>,
    /// How the certificate of the publishing region is checked.
    pub sslmode: &'a str,
}

/// What `subscribe.sh` and `subscriber.sh` know.
#[derive(Serialize)]
pub struct Subscriber {
    database: String,
    user: String,
    password: &'static str,
    superuser: &'static str,
    replication: &'static str,
    bin: String,
    run: String,
    port: u16,
    endpoint: String,
    endpoint_port: u16,
    passfile: String,
    subscription: &'static str,
    publication: &'static str,
    slot: String,
    sslmode: String,
    certificates: Option<String>,
}

impl Subscriber {
    /// What makes the region a subscriber.
    pub const SUBSCRIBE: &'static str = "patroni/subscribe.sh.tera";
    /// What logical replication does not carry.
    pub const STEPS: &'static str = "patroni/subscriber.sh.tera";

    /// For a member in a region that subscribes; `None` anywhere else.
    pub fn new(cluster: &Postgres, region: &Region, place: Place<'_>) -> Option<Self> {
        if cluster.role(region) != Some(PostgresRole::Subscriber) {
            return None;
        }
        Some(Self {
            database: cluster.database.clone(),
            user: cluster.user.clone(),
            password: place.password,
            superuser: dcs::SUPERUSER,
            replication: dcs::REPLICATION,
            bin: place.bin,
            run: place.run,
            port: place.port,
            endpoint: cluster.endpoint(&cluster.primary_region)?,
            endpoint_port: place.endpoint_port,
            passfile: place.passfile,
            subscription: dcs::PUBLICATION,
            publication: dcs::PUBLICATION,
            slot: names::subscriber_slot(&region.name),
            sslmode: place.sslmode.to_owned(),
            certificates: place.certificates,
        })
    }
}
