//! Rules: Load balancers (facts.md §12.6).

use super::rule::family;

family! {}
