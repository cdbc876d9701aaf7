//! Rules: Load balancers (facts.md §12.6).

use super::rule::family;

family! {
    "balancer-gives-up-before-the-route.rs" => balancer_gives_up_before_the_route,
}
