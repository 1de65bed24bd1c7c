//! Who asks. A handler that takes [`Signed`] is reached by nobody else; how one signs in is known here only.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use hub::actor::Actor;

use crate::problem::Problem;

/// Signs every visitor in as the local owner: the whole of `AUTH=local`.
pub async fn sign_in_locally(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Actor::local());
    next.run(request).await
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Signed(pub Actor);

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned();
        actor
            .map(Self)
            .ok_or_else(|| Problem::from(hub::Error::Unauthenticated))
    }
}
