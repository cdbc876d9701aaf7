//! Rules: Backup and restore (facts.md §12.3).

use super::rule::family;

family! {}
