//! What a Redis holds, as far as rules care.

use crate::blueprint::Redis;
use crate::blueprint::raw::Usage;
use crate::rules::promised::Item;

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
    redis.into()
}
