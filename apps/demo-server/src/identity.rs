//! Who a client is: who it says it is, or who its token says it is.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use socket_registry_axum::{Expiry, bearer_token};

use crate::app::App;
use crate::cli::Cli;
use crate::error::ApiError;
use crate::hs256;
use crate::input::{UserId, optional, required};

/// HS256 is as strong as its hash is long (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;
/// How far two machines' clocks may be apart.
const LEEWAY_SECONDS: u64 = 5;

pub(crate) enum Identity {
    /// Believes every client: for demonstrations.
    Claimed,
    /// Believes the subject of a signed token that has not expired.
    Proven(Box<Proof>),
}

pub(crate) struct Proof {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: UserId,
    /// Seconds since the Unix epoch, with a fraction if its issuer likes.
    exp: f64,
}

/// The user on whose behalf a request is made.
pub(crate) struct Caller {
    pub(crate) id: UserId,
    /// What a link needs in its query to be followed on the same user's behalf.
    pub(crate) credential: String,
    /// When the proof of it expires.
    pub(crate) expiry: Option<Expiry>,
}

impl Identity {
    pub(crate) fn new(cli: &Cli) -> Result<Self, String> {
        let Some(file) = &cli.auth_secret else {
            tracing::warn!(
                "every client is believed to be who its ?id= says; to ask for proof, give --auth-secret FILE"
            );
            return Ok(Self::Claimed);
        };
        // Fails where there is one already: this one, for nothing else in the process installs any.
        let _ = hs256::PROVIDER.install_default();
        let key = DecodingKey::from_secret(&read_secret(file)?);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        if let Some(audience) = &cli.auth_audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        if let Some(issuer) = &cli.auth_issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        Ok(Self::Proven(Box::new(Proof { key, validation })))
    }

    /// Returns when the new token of a client that is connected as `id` expires, if it proves `id`.
    pub(crate) fn renewed(&self, id: &UserId, token: &str) -> Option<SystemTime> {
        let Self::Proven(proof) = self else { return None };
        let claims = proof.claims_of(token).ok().filter(|claims| claims.sub == *id)?;
        Some(claims.expires_at())
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match &app.identity {
            Identity::Claimed => {
                let id: UserId = required(&parts.uri, "id")?;
                let credential = format!("id={}", utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC));
                Ok(Self { id, credential, expiry: None })
            }
            Identity::Proven(proof) => {
                let token = token_of(parts)?;
                let claims = proof.claims_of(&token)?;
                let expiry = Some(Expiry::at(claims.expires_at()));
                // An accepted token consists of base64url and dots, and needs no encoding.
                Ok(Self { id: claims.sub, credential: format!("token={token}"), expiry })
            }
        }
    }
}

impl Claims {
    /// Returns the last moment at which the token is accepted.
    fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(self.exp.clamp(0.0, 1e11) + LEEWAY_SECONDS as f64)
    }
}

impl Proof {
    fn claims_of(&self, token: &str) -> Result<Claims, ApiError> {
        let wrong = match decode::<Claims>(token, &self.key, &self.validation).map_err(|error| error.into_kind()) {
            Ok(token) => return Ok(token.claims),
            Err(ErrorKind::ExpiredSignature) => {
                return Err(unauthorized("token_expired", "the token has expired: get a new one"));
            }
            Err(ErrorKind::InvalidAudience) => "`aud` does not name this server: see --auth-audience".to_owned(),
            Err(ErrorKind::InvalidIssuer) => "`iss` names another issuer: see --auth-issuer".to_owned(),
            Err(ErrorKind::MissingRequiredClaim(claim)) => format!("`{claim}` is missing"),
            Err(_) => "it must be a JWT, signed by us with HS256, with `sub` and `exp`".to_owned(),
        };
        Err(unauthorized("token_invalid", &format!("the token does not prove anything here: {wrong}")))
    }
}

/// Finds the token in the header or in the subprotocols, or else in the query: a browser's event
/// stream and a link can set neither of the first two.
fn token_of(parts: &Parts) -> Result<String, ApiError> {
    let token = bearer_token(&parts.headers).map(str::to_owned);
    token.or_else(|| optional(&parts.uri, "token").ok().flatten()).ok_or_else(|| {
        let message = "a token is missing: send `Authorization: Bearer TOKEN`, or the subprotocols `bearer, TOKEN` of a \
                       WebSocket, or `?token=TOKEN` where neither can be set";
        unauthorized("token_missing", message)
    })
}

fn unauthorized(reason: &'static str, message: &str) -> ApiError {
    ApiError(StatusCode::UNAUTHORIZED, reason, message.to_owned())
}

/// The end of the last line, which an editor adds, is not part of the secret.
fn read_secret(file: &Path) -> Result<Vec<u8>, String> {
    let mut secret =
        fs::read(file).map_err(|error| format!("cannot read the secret in {}: {error}", file.display()))?;
    secret.truncate(secret.trim_ascii_end().len());
    if secret.len() < MIN_SECRET {
        return Err(format!(
            "the secret in {} has {} bytes, and {MIN_SECRET} are the least: make one with `openssl rand -hex 32`",
            file.display(),
            secret.len()
        ));
    }
    Ok(secret)
}
