//! Rules: Targets, claims, capacity (facts.md §12.9).

use super::rule::family;

family! {}
