//! Rules: Retries, timeouts, breakers (facts.md §12.7).

use super::rule::family;

family! {}
