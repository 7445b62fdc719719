//! Where a client puts the token that says who it is.

use axum::http::{HeaderMap, header};

/// Returns the token of `Authorization: Bearer TOKEN`, or of the subprotocols `bearer, TOKEN`.
///
/// The script of a page cannot set a header of a WebSocket, but it can name subprotocols:
/// `new WebSocket(url, ['bearer', token])`. Answer with the protocol `bearer`, as below. Another
/// scheme in the header may be for a proxy, so it is ignored.
///
/// ```
/// use axum::extract::ws::{Message, WebSocketUpgrade};
/// use axum::extract::State;
/// use axum::http::{HeaderMap, StatusCode};
/// use axum::response::{IntoResponse, Response};
/// use socket_registry_axum::{Sessions, bearer_token};
///
/// # fn user_of(_token: &str) -> Option<u64> { Some(42) }
/// async fn ws(State(sessions): State<Sessions<u64>>, headers: HeaderMap, ws: WebSocketUpgrade) -> Response {
///     let Some(user) = bearer_token(&headers).and_then(user_of) else {
///         return StatusCode::UNAUTHORIZED.into_response();
///     };
///     sessions.upgrade(ws.protocols(["bearer"]), user, |_due| async { Message::text("update") }).await
/// }
/// ```
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let of_header = || {
        let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    };
    let of_protocols = || {
        let mut protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?.split(',').map(str::trim);
        protocols.find(|protocol| *protocol == "bearer")?;
        protocols.next()
    };
    of_header().or_else(of_protocols).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn token(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let headers: HeaderMap = pairs.iter().map(header).collect();
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn it_is_found_in_either_place_and_no_other() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "] {
            assert_eq!(token(&[("authorization", value)]).as_deref(), Some("abc"), "{value}");
        }
        for value in ["Basic abc", "Bearer", "Bearer ", "Bearerabc", ""] {
            assert_eq!(token(&[("authorization", value)]), None, "{value}");
        }
        for value in ["bearer, abc", "chat,bearer,abc, more"] {
            assert_eq!(token(&[("sec-websocket-protocol", value)]).as_deref(), Some("abc"), "{value}");
        }
        for value in ["bearer", "abc", "bearer, ", "abc, bearer"] {
            assert_eq!(token(&[("sec-websocket-protocol", value)]), None, "{value}");
        }
    }

    #[test]
    fn a_proxys_own_scheme_does_not_shadow_the_subprotocol() {
        let both = [("authorization", "Basic YW5uOmFubg=="), ("sec-websocket-protocol", "bearer, abc")];
        assert_eq!(token(&both).as_deref(), Some("abc"));
        let both = [("authorization", "Bearer one"), ("sec-websocket-protocol", "bearer, other")];
        assert_eq!(token(&both).as_deref(), Some("one"));
    }
}
