//! What is said instead of an answer.

use crate::fault::Fault;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ropeway_std::call::CallError;
use ropeway_std::files::FileError;
use ropeway_std::{PostError, SendError};

/// Why a request was not done, as JSON.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl ToString) -> Self {
        Self {
            status,
            text: text.to_string(),
        }
    }

    pub(super) fn bad(text: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn no_peer(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no peer {id}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.status, &serde_json::json!({ "error": self.text }))
    }
}

/// A response of JSON.
pub(super) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    in_json(status, serde_json::to_string(value).unwrap_or_default())
}

/// A response of what is JSON already.
pub(super) fn in_json(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}

pub(super) async fn no_such_page() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is no such page")
}

pub(super) async fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this cannot be done here")
}

/// What was said makes no sense.
impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::bad(fault)
    }
}

/// The hub's thread has too much to do, or has ended.
impl From<PostError> for Refusal {
    fn from(error: PostError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

/// The hub's thread ended before it had answered.
impl From<tokio::sync::oneshot::error::RecvError> for Refusal {
    fn from(_: tokio::sync::oneshot::error::RecvError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the hub has ended")
    }
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        let status = match error {
            SendError::NotOpen => StatusCode::CONFLICT,
            SendError::Full | SendError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            SendError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error)
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let status = match &error {
            CallError::Deadline => StatusCode::GATEWAY_TIMEOUT,
            CallError::NoCalls => StatusCode::UNPROCESSABLE_ENTITY,
            CallError::Busy | CallError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            CallError::Send(error) => return Self::from(*error),
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error)
    }
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        let status = match &error {
            FileError::NoFiles => StatusCode::UNPROCESSABLE_ENTITY,
            FileError::Path(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, error)
    }
}
