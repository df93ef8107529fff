//! The few URLs that doors have.

/// A URL taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// With its port.
    pub host: &'a str,
    pub port: u16,
    /// With the query.
    pub path: &'a str,
}

impl<'a> Address<'a> {
    /// Reads `http://` and `ws://` URLs. The swarm does not speak TLS to doors; it says so.
    pub fn parse(url: &'a str) -> Result<Address<'a>, String> {
        let fault = |what: &str| Err(format!("{url}: {what}"));
        let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://")) else {
            return fault("expected a URL that begins with http:// or ws:// (the swarm speaks no TLS to doors)");
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = match host.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) => port,
                Err(_) => return fault("the port is no number"),
            },
            _ => 80,
        };
        if host.is_empty() {
            return fault("there is no host");
        }
        Ok(Address { host, port, path: if path.is_empty() { "/" } else { path } })
    }

    /// Without the port, and IPv6 addresses without brackets.
    pub fn name(&self) -> &'a str {
        let name = match self.host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            _ => self.host,
        };
        name.trim_start_matches('[').trim_end_matches(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, name, port, path) in [
            ("http://127.0.0.1:8080/whip/r", "127.0.0.1", 8080, "/whip/r"),
            ("ws://bridge/v1/signal", "bridge", 80, "/v1/signal"),
            ("http://[::1]:81", "::1", 81, "/"),
            ("http://[::1]/x", "::1", 80, "/x"),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!((address.name(), address.port, address.path), (name, port, path));
        }
    }

    #[test]
    fn others_are_refused() {
        for url in ["https://bridge/whip/r", "bridge", "http://", "http://bridge:x/"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
