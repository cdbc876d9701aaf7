//! Rules: Runbooks and managed platforms (facts.md §12.10).

use super::rule::family;

family! {}
