//! What a Redis holds, as far as rules care.

use crate::blueprint::raw::Usage;
use crate::blueprint::{Redis, raw};
use crate::path;
use crate::rules::target::Item;

/// What it holds that exists nowhere else; nothing for copies and for messages that nobody keeps.
pub(super) const fn kept(redis: &Redis) -> Option<&'static str> {
    match redis.spec.usage {
        Usage::Sessions => Some("sessions"),
        Usage::Queue => Some("queued work"),
        Usage::Cache | Usage::Pubsub => None,
    }
}

/// Its targets.
pub(super) fn item(redis: &Redis) -> Item<'_> {
    let raw::Redis { objectives, tier, .. } = &redis.spec;
    Item { own: objectives, tier: tier.as_ref(), at: path!["redis", redis.name] }
}
