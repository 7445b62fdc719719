//! The registry as an axum extractor.

use crate::registry::Registry;
use axum_core::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

/// Finds the registry in the request's extensions, where an `Extension` layer puts it.
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
/// `500`, with "socket registry is not in the request's extensions": add the layer, for the same types of key and metadata.
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
