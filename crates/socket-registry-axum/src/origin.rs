//! Which pages may use the server, and under which address its clients know it.

use std::error::Error;
use std::fmt;

use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderName, header};
#[cfg(feature = "cors")]
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Refuses requests that a browser makes for a page of another site, other than following a link.
/// Browsers name the origin of the page. Clients that name none are let in, and must prove who they
/// are by other means.
///
/// A page is the server's own if its origin is the host that the request is for, whatever the
/// scheme. The port 443 may be left out after `https`, and 80 after `http`. The origin `null` is
/// never the server's own.
///
/// ```
/// use axum::http::HeaderMap;
/// use socket_registry_axum::OriginPolicy;
///
/// let policy = OriginPolicy::same_origin().allow("https://app.example")?;
/// let request = |origin: &str, host: &str| {
///     HeaderMap::from_iter([("origin", origin), ("host", host)].map(|(name, value)| {
///         (name.parse().unwrap(), value.parse().unwrap())
///     }))
/// };
/// assert!(policy.permits(&request("https://live.example", "live.example:443")));
/// assert!(policy.permits(&request("https://app.example", "live.example")));
/// assert!(!policy.permits(&request("https://evil.example", "live.example")));
/// assert!(!policy.permits(&request("null", "live.example")));
/// # Ok::<(), socket_registry_axum::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OriginPolicy {
    allowed: Vec<Origin>,
    trusts_proxy: bool,
}

impl OriginPolicy {
    /// Creates a policy that lets in the server's own pages only.
    #[must_use]
    pub fn same_origin() -> Self {
        Self::default()
    }

    /// Lets in the pages of this origin as well: `https://app.example`, with a port if it is not
    /// the scheme's own.
    ///
    /// # Errors
    /// Returns [`InvalidOrigin`] if the text is not an origin.
    pub fn allow(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        self.allowed.push(Origin::parse(origin).ok_or_else(|| InvalidOrigin(origin.to_owned()))?);
        Ok(self)
    }

    /// Believes `Forwarded` and `X-Forwarded-Host`. Use it only behind a proxy that sets them
    /// itself, since any client can send them.
    #[must_use]
    pub fn trusting_proxy(mut self) -> Self {
        self.trusts_proxy = true;
        self
    }

    /// Returns whether a request with these headers is let in.
    #[must_use]
    pub fn permits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter().map(|origin| origin.to_str().unwrap_or_default());
        let Some(origin) = origins.next() else {
            // The request for an image or a frame names no origin, but a browser says for which
            // site it is.
            let site = text(headers, "sec-fetch-site").unwrap_or("none");
            return matches!(site, "same-origin" | "none") || text(headers, "sec-fetch-dest") == Some("document");
        };
        let Some(origin) = Origin::parse(origin).filter(|_| origins.next().is_none()) else { return false };
        let host = address(headers, self.trusts_proxy).and_then(|address| address.host.parse::<Authority>().ok());
        host.is_some_and(|host| origin.is_of(&host)) || self.allowed.contains(&origin)
    }

    /// Returns a layer with the same policy for `fetch`: a page that may connect may also read the
    /// answers to its requests, and no other page may.
    ///
    /// The layer answers preflights. It allows no methods and headers by itself: name those that
    /// your pages use. It refuses no request, because browsers send many without a preflight:
    /// [`permits`](Self::permits) does that. Put the layer outside of the code that refuses, so
    /// that the page can read why it was refused.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::http::{Method, header};
    /// use axum::routing::post;
    /// use socket_registry_axum::OriginPolicy;
    ///
    /// let policy = OriginPolicy::same_origin().allow("https://app.example")?;
    /// let cors = policy.cors().allow_methods([Method::GET, Method::POST]).allow_headers([header::CONTENT_TYPE]);
    /// let app: Router = Router::new().route("/notify", post(async || "done")).layer(cors);
    /// # Ok::<(), socket_registry_axum::InvalidOrigin>(())
    /// ```
    #[cfg(feature = "cors")]
    #[cfg_attr(docsrs, doc(cfg(feature = "cors")))]
    pub fn cors(&self) -> CorsLayer {
        let policy = self.clone();
        CorsLayer::new().allow_origin(AllowOrigin::predicate(move |_, request| policy.permits(&request.headers)))
    }
}

/// The text is not an origin: `scheme://host` or `scheme://host:port`, and nothing after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin(String);

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an origin: write it as https://app.example", self.0)
    }
}

impl Error for InvalidOrigin {}

#[derive(Clone, Debug, PartialEq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (_, behind) = text.split_once("://")?;
        if behind.contains(['/', '?', '#', '@']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let authority = uri.authority()?;
        let port = port(authority)?.or(default_port(&scheme));
        Some(Self { host: authority.host().to_ascii_lowercase(), port, scheme })
    }

    /// Returns whether the origin is that of the host. A host without a port has the default port
    /// of the origin's scheme, because the server does not see TLS that ends before it.
    fn is_of(&self, host: &Authority) -> bool {
        let same_port = port(host).is_some_and(|port| port.or(default_port(&self.scheme)) == self.port);
        same_port && host.host().eq_ignore_ascii_case(&self.host)
    }
}

/// Returns the port, or `Some(None)` if there is none. Returns `None` if it is not a number that a
/// port can have.
fn port(authority: &Authority) -> Option<Option<u16>> {
    let behind = authority.as_str().get(authority.host().len()..)?;
    match behind.strip_prefix(':') {
        Some(port) => port.parse().ok().map(Some),
        None => behind.is_empty().then_some(None),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Where a client has found the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `https` or another scheme, if a proxy names it.
    pub scheme: Option<String>,
    /// The host, with a port if it was named.
    pub host: String,
}

impl Address {
    /// Returns the address as the beginning of a link: `http://` and the host, or `https://` if a
    /// proxy names that. Returns `None` if the host is not a valid one.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let host: Authority = self.host.parse().ok()?;
        let scheme = if self.scheme.as_deref() == Some("https") { "https" } else { "http" };
        Some(format!("{scheme}://{host}"))
    }
}

/// Returns where the client has found the server: its `Host`, or what a proxy says it was, if the
/// proxy is trusted. Of several proxies the first counts, which is the one that the client speaks
/// to.
#[must_use]
pub fn address(headers: &HeaderMap, trusts_proxy: bool) -> Option<Address> {
    let first = |name| text(headers, name)?.split(',').next().map(str::trim).filter(|value| !value.is_empty());
    let (scheme, host) = if trusts_proxy {
        let forwarded = first("forwarded").unwrap_or_default();
        let of = |name: &str| {
            forwarded
                .split(';')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"')))
        };
        (of("proto").or_else(|| first("x-forwarded-proto")), of("host").or_else(|| first("x-forwarded-host")))
    } else {
        (None, None)
    };
    let host = host.or_else(|| text(headers, header::HOST))?;
    Some(Address { scheme: scheme.map(str::to_ascii_lowercase), host: host.to_owned() })
}

fn text<N: TryInto<HeaderName>>(headers: &HeaderMap, name: N) -> Option<&str> {
    headers.get(name.try_into().ok()?)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers<const N: usize>(pairs: [(&'static str, &'static str); N]) -> HeaderMap {
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn default_ports_are_the_same_as_none_and_others_are_not() {
        let policy = OriginPolicy::same_origin();
        for (origin, host, is_ours) in [
            ("https://x", "x:443", true),
            ("https://x", "x", true),
            ("https://x:443", "x", true),
            ("http://x", "x:80", true),
            ("HTTP://X:80", "x", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://x", "x:443", false),
            ("https://x", "x:80", false),
            ("https://x:8443", "x", false),
            ("https://x", "x:8443", false),
            ("https://x:0443x", "x", false),
            ("https://x.evil", "x", false),
            ("https://evil@x", "x", false),
            ("https://x/", "x", false),
            ("x", "x", false),
            ("null", "null", false),
            ("", "", false),
        ] {
            assert_eq!(policy.permits(&headers([("origin", origin), ("host", host)])), is_ours, "{origin} for {host}");
        }
    }

    #[test]
    fn two_origins_are_none() {
        let mut both = headers([("origin", "http://x"), ("host", "x")]);
        assert!(OriginPolicy::same_origin().permits(&both));
        both.append("origin", HeaderValue::from_static("http://x"));
        assert!(!OriginPolicy::same_origin().permits(&both));
    }

    #[test]
    fn a_rewritten_host_is_allowed_by_name_or_as_the_proxy_says_it() {
        let rewritten = headers([("origin", "https://live.example"), ("host", "10.0.0.7:3000")]);
        assert!(!OriginPolicy::same_origin().permits(&rewritten));
        assert!(OriginPolicy::same_origin().allow("https://LIVE.example:443").unwrap().permits(&rewritten));
        for (name, value) in [
            ("x-forwarded-host", "live.example, 10.0.0.7"),
            ("forwarded", "for=192.0.2.1;proto=https;host=live.example, for=10.0.0.7"),
            ("forwarded", r#"Host="live.example:443""#),
        ] {
            let mut proxied = rewritten.clone();
            proxied.insert(name, HeaderValue::from_static(value));
            assert!(!OriginPolicy::same_origin().permits(&proxied), "{value}: not to be believed");
            assert!(OriginPolicy::same_origin().trusting_proxy().permits(&proxied), "{value}");
        }
    }

    #[test]
    fn what_is_no_origin_cannot_be_allowed() {
        for origin in ["app.example", "https://", "https://a/b", "null", "*", "https://a b"] {
            let error = OriginPolicy::same_origin().allow(origin).expect_err(origin);
            assert!(error.to_string().contains("https://app.example"), "{error}");
        }
    }

    #[test]
    fn the_address_is_the_host_or_what_a_trusted_proxy_says() {
        let proxied = headers([("host", "inner:3000"), ("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "outer")]);
        let plain = Address { scheme: None, host: "inner:3000".to_owned() };
        assert_eq!(plain.origin().as_deref(), Some("http://inner:3000"));
        assert_eq!(address(&proxied, false), Some(plain));
        let outer = Address { scheme: Some("https".to_owned()), host: "outer".to_owned() };
        assert_eq!(outer.origin().as_deref(), Some("https://outer"));
        assert_eq!(address(&proxied, true), Some(outer));
        assert_eq!(Address { scheme: None, host: "a/b".to_owned() }.origin(), None);
        assert_eq!(address(&HeaderMap::new(), true), None);
    }
}
