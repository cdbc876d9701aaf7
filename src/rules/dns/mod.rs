//! Rules: DNS (facts.md §12.5).

use super::rule::family;

family! {
    "leaf-has-no-way-out.rs" => leaf_has_no_way_out,
    "dns-alone-takes-the-rto.rs" => dns_alone_takes_the_rto,
    "dns-leads-where-nothing-runs.rs" => dns_leads_where_nothing_runs,
    "expired-certificate-stays-healthy.rs" => expired_certificate_stays_healthy,
    "failover-by-editing-records.rs" => failover_by_editing_records,
    "dns-leads-to-a-standby.rs" => dns_leads_to_a_standby,
    "all-regions-down-unseen.rs" => all_regions_down_unseen,
    "certificate-is-needed-in-every-region.rs" => certificate_is_needed_in_every_region,
}
