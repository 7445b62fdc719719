//! Who a client is: who it says it is, or who its token says it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::app::App;
use crate::error::ApiError;
use crate::hs256;
use crate::input::{UserId, query_value};

/// HS256 is as strong as its hash is long (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;
/// How far two machines' clocks may be apart.
const LEEWAY_SECONDS: u64 = 5;

pub(crate) enum Identity {
    /// Everybody is believed: for demonstrations.
    Claimed,
    /// The subject of a signed token that has not expired.
    Proven(Box<Proof>),
}

pub(crate) struct Proof {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: UserId,
}

/// The user on whose behalf a request is made.
pub(crate) struct Caller {
    pub(crate) id: UserId,
    /// What a link needs in its query to be followed on the same user's behalf.
    pub(crate) credential: String,
}

impl Identity {
    pub(crate) fn new(secret: Option<&PathBuf>) -> Result<Self, String> {
        let Some(file) = secret else {
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
        Ok(Self::Proven(Box::new(Proof { key, validation })))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match &app.identity {
            Identity::Claimed => {
                let id = UserId::from_request_parts(parts, app).await?;
                let credential = format!("id={}", utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC));
                Ok(Self { id, credential })
            }
            Identity::Proven(proof) => {
                let token = token_of(parts)?;
                let id = proof.user_of(&token)?;
                // Whatever was accepted consists of base64url and dots, and needs no encoding.
                Ok(Self { id, credential: format!("token={token}") })
            }
        }
    }
}

impl Proof {
    fn user_of(&self, token: &str) -> Result<UserId, ApiError> {
        match decode::<Claims>(token, &self.key, &self.validation) {
            Ok(token) => Ok(token.claims.sub),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                Err(unauthorized("token_expired", "the token has expired: get a new one"))
            }
            Err(_) => Err(unauthorized(
                "token_invalid",
                "the token does not prove anything here: it must be a JWT, signed by us with HS256, with `sub` and `exp`",
            )),
        }
    }
}

/// From the header; a WebSocket of a browser cannot set one, and puts it into the query.
fn token_of(parts: &Parts) -> Result<String, ApiError> {
    let missing = || {
        let message =
            "a token is missing: send `Authorization: Bearer TOKEN`, or `?token=TOKEN` where no header can be set";
        unauthorized("token_missing", message)
    };
    match parts.headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, token) = value.to_str().unwrap_or_default().split_once(' ').ok_or_else(missing)?;
            if scheme.eq_ignore_ascii_case("bearer") { Ok(token.to_owned()) } else { Err(missing()) }
        }
        None => query_value(parts, "token").map_err(|_| missing()),
    }
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
