//! Rules: Redis (facts.md §12.4).

use super::rule::family;

family! {
    "comment-behind-a-value.rs" => comment_behind_a_value,
    "eviction-loses-kept-data.rs" => eviction_loses_kept_data,
}
