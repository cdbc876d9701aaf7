//! Rules: PostgreSQL and Patroni (facts.md §12.2).

use super::rule::family;

family! {}
