//! The script that gives roles new passwords, the same on hosts and in pods.

use serde::Serialize;

use super::dcs;
use crate::blueprint::Postgres;

/// What `login.sh` knows of a member.
#[derive(Serialize)]
pub struct Login {
    cluster: String,
    psql: String,
    database: String,
    run: String,
    port: u16,
    superuser: &'static str,
    /// Roles that are no logins of services.
    keep: String,
}

impl Login {
    /// Its template.
    pub const TEMPLATE: &'static str = "patroni/login.sh.tera";

    /// For a member with PostgreSQL's programs in `bin` and its socket in `run`.
    pub fn new(cluster: &Postgres, bin: &str, run: &str, port: u16) -> Self {
        Self {
            cluster: cluster.name.clone(),
            psql: format!("{bin}/psql"),
            database: cluster.database.clone(),
            run: run.to_owned(),
            port,
            superuser: dcs::SUPERUSER,
            keep: [dcs::SUPERUSER, dcs::REPLICATION, dcs::REWIND, dcs::MONITORING].join(" "),
        }
    }
}
