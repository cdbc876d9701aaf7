//! The script that gives roles new passwords, the same on hosts and in pods.

use serde::Serialize;

use super::dcs;
use crate::blueprint::Postgres;

/// The login that takes turns with another one: two passwords at once are two logins.
pub fn second(user: &str) -> String {
    user.strip_suffix("_b").filter(|first| !first.is_empty()).map_or_else(|| format!("{user}_b"), str::to_owned)
}

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

#[cfg(test)]
mod tests {
    use super::second;

    #[test]
    fn logins_take_turns() {
        assert_eq!(second("shop"), "shop_b");
        assert_eq!(second(&second("shop")), "shop");
    }
}
