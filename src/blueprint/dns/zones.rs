//! The canonical hosted zone ids of AWS load balancers, by region: what an alias record needs beside the name.
//!
//! Source: facts.md section 5, the table "ALB / NLB canonical hosted zone ids" (R-DN-03). Network load balancers of the
//! regions that have none here must be given with `loadBalancer.hostedZoneId`.

use crate::blueprint::raw::LoadBalancerKind;

/// Region, application (ALB), network (NLB).
const ZONES: [(&str, &str, Option<&str>); 25] = [
    ("af-south-1", "Z268VQBMOI5EKX", None),
    ("ap-east-1", "Z3DQVH9N71FHZ0", None),
    ("ap-northeast-1", "Z14GRHDCWA56QT", Some("Z31USIVHYNEOWT")),
    ("ap-northeast-2", "ZWKZPGTI48KDX", None),
    ("ap-northeast-3", "Z5LXEXXYW11ES", None),
    ("ap-south-1", "ZP97RAFLXTNZK", Some("ZVDDRBQ08TROA")),
    ("ap-southeast-1", "Z1LMS91P8CMLE5", Some("ZKVM4W9LS7TM")),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65", Some("ZCT6FZBF4DROD")),
    ("ap-southeast-3", "Z08888821HLRG5A9ZRTER", None),
    ("ca-central-1", "ZQSVJUPU6J1EY", Some("Z2EPGBW3API2WT")),
    ("eu-central-1", "Z215JYRZR1TBD5", Some("Z3F0SRJ5LGBH90")),
    ("eu-central-2", "Z06391101F2ZOEP8P5EB3", None),
    ("eu-north-1", "Z23TAZ6LKFMNIO", None),
    ("eu-south-1", "Z3ULH7SSC9OV64", None),
    ("eu-south-2", "Z0956581394HF5D5LXGAP", None),
    ("eu-west-1", "Z32O12XQLNTSW2", Some("Z2IFOLAFXWLO4F")),
    ("eu-west-2", "ZHURV8PSTC4K8", Some("ZD4D7Y8KGAS4G")),
    ("eu-west-3", "Z3Q77PNBQS71R4", None),
    ("me-central-1", "Z08230872XQRWHG2XF6I", None),
    ("me-south-1", "ZS929ML54UICD", None),
    ("sa-east-1", "Z2P70J7HTTTPLU", Some("ZTK26PT1VY4CU")),
    ("us-east-1", "Z35SXDOTRQ7X7K", Some("Z26RNL4JYFTOTI")),
    ("us-east-2", "Z3AADJGX6KTTL2", Some("ZLMOA37VPKANP")),
    ("us-west-1", "Z368ELLRRE2KJ0", Some("Z24FKFUX50B4VW")),
    ("us-west-2", "Z1H1FL5HABSF5", Some("Z18D5FSROUN65G")),
];

/// The hosted zone id of a kind of load balancer in an AWS region, when the table has it.
pub fn load_balancer(region: &str, kind: LoadBalancerKind) -> Option<&'static str> {
    let at = ZONES.binary_search_by_key(&region, |(name, _, _)| name).ok()?;
    let (_, application, network) = ZONES[at];
    match kind {
        LoadBalancerKind::Application => Some(application),
        LoadBalancerKind::Network => network,
    }
}

/// The region and the kind of load balancer that a hosted zone id belongs to, when the table has it.
pub fn owner(id: &str) -> Option<(&'static str, LoadBalancerKind)> {
    ZONES.iter().find_map(|(region, application, network)| {
        let of = |known: &str, kind| (known == id).then_some((*region, kind));
        of(application, LoadBalancerKind::Application)
            .or_else(|| network.and_then(|known| of(known, LoadBalancerKind::Network)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_no_id_stands_twice() {
        assert!(ZONES.is_sorted_by(|a, b| a.0 < b.0));
        let ids: Vec<&str> = ZONES.iter().flat_map(|(_, alb, nlb)| std::iter::once(*alb).chain(*nlb)).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn a_region_is_found_by_kind() {
        assert_eq!(load_balancer("eu-west-1", LoadBalancerKind::Application), Some("Z32O12XQLNTSW2"));
        assert_eq!(load_balancer("eu-west-1", LoadBalancerKind::Network), Some("Z2IFOLAFXWLO4F"));
        assert_eq!(load_balancer("eu-west-3", LoadBalancerKind::Network), None);
        assert_eq!(load_balancer("mars-1", LoadBalancerKind::Application), None);
        assert_eq!(owner("Z2IFOLAFXWLO4F"), Some(("eu-west-1", LoadBalancerKind::Network)));
        assert_eq!(owner("Z0"), None);
    }
}
