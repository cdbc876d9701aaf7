//! Addresses as they are written with a port.

/// `host:port`, with brackets around an IPv6 address.
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_stands_in_brackets() {
        assert_eq!(host_port("10.0.0.1", 5432), "10.0.0.1:5432");
        assert_eq!(host_port("fd00::1", 5432), "[fd00::1]:5432");
    }
}
