//! Rules: Alerts (facts.md §12.8).

use super::rule::family;

family! {}
