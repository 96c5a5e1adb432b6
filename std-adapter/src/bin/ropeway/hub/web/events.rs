//! What happens, as server-sent events: `hello` has all that is known, `tick` what is new, `resync` all again for a viewer
//! that was too slow, with how many ticks it has missed.

use super::Shared;
use super::api::About;
use super::refusal::Refusal;
use crate::hub::state::{KEPT, Logged, Row};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// All that is known.
#[derive(Serialize)]
struct Everything<'a> {
    hub: About,
    peers: Vec<Row<'a>>,
    log: Vec<Logged>,
    unshown: u64,
    missed: u64,
}

/// One who looks.
struct Viewer {
    shared: Shared,
    ticks: Receiver<Arc<str>>,
    is_new: bool,
}

pub(super) async fn follow(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let Some(ticks) = shared.ticks.follow() else {
        let text = "as many look at the hub as may";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let viewer = Viewer {
        shared,
        ticks,
        is_new: true,
    };
    let events = stream::unfold(viewer, |mut viewer| async {
        let event = viewer.next().await?;
        Some((Ok::<_, Infallible>(event), viewer))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream")];
    Ok((headers, Body::from_stream(events)).into_response())
}

impl Viewer {
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.is_new) {
            return Some(self.everything("hello", 0));
        }
        match self.ticks.recv().await {
            Ok(tick) => Some(tick.to_string()),
            Err(RecvError::Lagged(missed)) => {
                // All of it is told now: what still waits is older.
                self.ticks = self.ticks.resubscribe();
                Some(self.everything("resync", missed))
            }
            Err(RecvError::Closed) => None,
        }
    }

    fn everything(&self, event: &str, missed: u64) -> String {
        let state = self.shared.board.state();
        let data = Everything {
            hub: self.shared.about(),
            peers: state.rows(true),
            log: state.log(None, "", KEPT),
            unshown: state.unshown,
            missed,
        };
        self::event(event, &data)
    }
}

/// An event, as it is sent.
pub(super) fn event(name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}
