//! Rules: DNS (facts.md §12.5).

mod records;

use super::rule::family;

family! {
    "locations-without-a-default.rs" => locations_without_a_default,
    "batch-fails-the-second-time.rs" => batch_fails_the_second_time,
    "alias-names-another-zone.rs" => alias_names_another_zone,
    "no-load-balancer-has-this-name.rs" => no_load_balancer_has_this_name,
    "leaf-has-no-way-out.rs" => leaf_has_no_way_out,
    "policies-mixed.rs" => policies_mixed,
    "chosen-without-a-health-check.rs" => chosen_without_a_health_check,
    "alias-does-not-ask-its-target.rs" => alias_does_not_ask_its_target,
    "dns-alone-takes-the-rto.rs" => dns_alone_takes_the_rto,
    "cname-at-the-apex.rs" => cname_at_the_apex,
    "dual-stack-without-aaaa.rs" => dual_stack_without_aaaa,
    "dns-leads-where-nothing-runs.rs" => dns_leads_where_nothing_runs,
    "expired-certificate-stays-healthy.rs" => expired_certificate_stays_healthy,
    "failover-by-editing-records.rs" => failover_by_editing_records,
    "dns-leads-to-a-standby.rs" => dns_leads_to_a_standby,
    "batch-too-large.rs" => batch_too_large,
    "all-regions-down-unseen.rs" => all_regions_down_unseen,
    "certificate-is-needed-in-every-region.rs" => certificate_is_needed_in_every_region,
    "health-check-decides-nothing.rs" => health_check_decides_nothing,
}
