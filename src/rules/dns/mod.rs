//! Rules: DNS (facts.md §12.5).

use super::rule::family;

family! {}
