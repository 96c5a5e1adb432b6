//! The same as the page shows, as JSON.

use super::Shared;
use super::files::UPLOAD_LIMIT;
use super::refusal::{Refusal, in_json, json};
use crate::hub::line::Line;
use crate::hub::state::Logged;
use crate::protocol::Protocol;
use crate::said::Said;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ropeway_std::hub::PeerId;
use ropeway_std::value::Value;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where a peer is found.
pub(super) struct Found {
    pub(super) line: Arc<dyn Line>,
    pub(super) number: usize,
    pub(super) peer: PeerId,
    pub(super) protocol: Protocol,
}

/// What the hub is.
#[derive(Serialize)]
pub(super) struct About {
    name: String,
    listening: Vec<Port>,
    /// The messages that the registry knows.
    messages: Vec<String>,
    upload_limit: u64,
    version: &'static str,
}

#[derive(Serialize)]
struct Port {
    protocol: Protocol,
    address: SocketAddr,
}

/// What happened.
#[derive(Serialize)]
struct Past {
    messages: Vec<Logged>,
    unshown: u64,
}

impl Shared {
    pub(super) fn about(&self) -> About {
        let port = |line: &Arc<dyn Line>| Port {
            protocol: line.words().protocol,
            address: line.address(),
        };
        About {
            name: self.name.clone(),
            listening: self.lines.iter().map(port).collect(),
            messages: self.names(),
            upload_limit: UPLOAD_LIMIT,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn names(&self) -> Vec<String> {
        let line = self.lines.first();
        let names = line.map_or_else(Vec::new, |line| line.words().registry.names());
        names.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn find(&self, id: &str) -> Result<Found, Refusal> {
        let state = self.board.state();
        let known = id.parse().ok().and_then(|id: u64| state.peers.get(&id));
        let known = known.ok_or_else(|| Refusal::no_peer(id))?;
        let line = self
            .lines
            .get(known.line)
            .ok_or_else(|| Refusal::no_peer(id))?;
        Ok(Found {
            line: line.clone(),
            number: known.line,
            peer: known.id,
            protocol: known.protocol,
        })
    }
}

pub(super) async fn hub(State(shared): State<Shared>) -> Response {
    json(StatusCode::OK, &shared.about())
}

pub(super) async fn peers(State(shared): State<Shared>) -> Response {
    let state = shared.board.state();
    json(StatusCode::OK, &json!({ "peers": state.rows(false) }))
}

pub(super) async fn peer(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = shared.board.state();
    let row = id.parse().ok().and_then(|id| state.row(id, true));
    let row = row.ok_or_else(|| Refusal::no_peer(&id))?;
    Ok(json(StatusCode::OK, &row))
}

/// What happened: `peer`, `filter` and `limit` say how much of it.
pub(super) async fn messages(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let number = |name: &str| match query.get(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal::bad(format!("{name}: {text:?} is no number"))),
        },
    };
    let peer = number("peer")?;
    let limit = number("limit")?.map_or(DEFAULT_SHOWN, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let filter = query.get("filter").map_or("", String::as_str);
    let state = shared.board.state();
    let messages = state.log(peer, filter, limit);
    let unshown = state.unshown;
    Ok(json(StatusCode::OK, &Past { messages, unshown }))
}

pub(super) async fn say(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let found = shared.find(&id)?;
    let said = Said::written(&read(&headers, body).await?)?;
    if said.is_call {
        return Err(Refusal::bad(format!("POST calls to /api/peers/{id}/calls")));
    }
    let content = found.line.words().content(&said)?;
    found.line.say(found.peer, content)?.await??;
    Ok(json(StatusCode::ACCEPTED, &json!({ "queued": true })))
}

/// Waits for the answer, as long as `timeout_ms` says.
pub(super) async fn call(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let found = shared.find(&id)?;
    if !found.protocol.has_calls() {
        let text = format!("{} has no calls", found.protocol);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let said = read(&headers, body).await?;
    let timeout = match said.get("timeout_ms") {
        None => PATIENCE,
        Some(millis) => match millis.as_u64() {
            Some(millis) if millis <= MOST_PATIENT => Duration::from_millis(millis),
            _ => {
                let text = format!("\"timeout_ms\" is to be a number up to {MOST_PATIENT}");
                return Err(Refusal::bad(text));
            }
        },
    };
    let words = found.line.words();
    let request = words.content(&Said::written(&said)?)?;
    let key = request.key.clone();
    let answer = found.line.ask(found.peer, request, timeout)?.await??;
    Ok(in_json(
        StatusCode::OK,
        words.show_answer(&key, &answer).to_string(),
    ))
}

pub(super) async fn disconnect(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let found = shared.find(&id)?;
    match found.line.close(found.peer)?.await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::no_peer(&id)),
    }
}

/// The object that a request is.
async fn read(headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        let text = "say it as JSON, with Content-Type: application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let too_large = |_| {
        let text = format!("a request has at most {BODY_LIMIT} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let mut bytes = to_bytes(body, BODY_LIMIT)
        .await
        .map_err(too_large)?
        .to_vec();
    match Value::from_json(&mut bytes) {
        Ok(said @ Value::Map(_)) => Ok(said),
        Ok(_) => Err(Refusal::bad("the request is to be a JSON object")),
        Err(error) => Err(Refusal::bad(format!("the request is no JSON: {error}"))),
    }
}

/// The longest request.
const BODY_LIMIT: usize = 1 << 20;

/// How much of what happened is shown unless more is asked for.
const DEFAULT_SHOWN: usize = 100;

const PATIENCE: Duration = Duration::from_secs(5);

/// Milliseconds that a call may wait.
const MOST_PATIENT: u64 = 600_000;
