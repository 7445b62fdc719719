//! An axum extractor for the registry.

use crate::registry::Registry;
use axum_core::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

/// Extracts the registry from the request's extensions, where an `Extension` layer puts it.
///
/// ```
/// use axum::{Extension, Router, routing::post};
/// use socket_registry::Registry;
///
/// async fn updated(registry: Registry<u64>) -> String {
///     format!("{} sockets marked", registry.mark(&42))
/// }
///
/// let app: Router = Router::new().route("/updated", post(updated)).layer(Extension(Registry::<u64>::new()));
/// ```
///
/// # Errors
/// Responds with `500` and "socket registry is not in the request's extensions". To fix it, add
/// the layer, for the same key and metadata types.
impl<S, K, M> FromRequestParts<S> for Registry<K, M>
where
    S: Sync,
    K: Send + Sync + 'static,
    M: Send + Sync + 'static,
{
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let missing = (StatusCode::INTERNAL_SERVER_ERROR, "socket registry is not in the request's extensions");
        parts.extensions.get().cloned().ok_or(missing)
    }
}
