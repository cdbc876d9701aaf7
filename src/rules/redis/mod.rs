//! Rules: Redis (facts.md §12.4).

use super::rule::family;

family! {
    "eviction-loses-kept-data.rs" => eviction_loses_kept_data,
}
