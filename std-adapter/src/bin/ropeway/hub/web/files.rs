//! Files that are dropped on a peer: first into a file of ours, then offered.

use super::Shared;
use super::refusal::{Refusal, json};
use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use ropeway_core::file::check_name;
use serde_json::json;
use std::path::PathBuf;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

pub(super) async fn drop_on(
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let found = shared.find(&id)?;
    if !found.protocol.has_files() {
        let text = format!("{} carries no files", found.protocol);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    check_name(&name).map_err(|error| Refusal::bad(format!("{name:?}: {error}")))?;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > UPLOAD_LIMIT) {
        return Err(too_large());
    }
    let Ok(_seat) = shared.uploads.try_acquire() else {
        let text = format!("{AT_ONCE} files are being uploaded already");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let uploads = shared.board.uploads();
    let failed = |error| {
        let text = format!("the file cannot be kept: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    };
    let kept = Kept {
        path: uploads.place(found.number, found.peer).map_err(failed)?,
        shared: &shared,
        is_offered: false,
    };
    let size = write(body.into_data_stream(), &kept.path).await?;
    found
        .line
        .offer(found.peer, kept.path.clone(), name.clone())?
        .await??;
    kept.offered();
    Ok(json(
        StatusCode::ACCEPTED,
        &json!({ "offered": name, "size": size }),
    ))
}

/// A file that is removed unless it was offered.
struct Kept<'a> {
    path: PathBuf,
    shared: &'a Shared,
    is_offered: bool,
}

impl Kept<'_> {
    fn offered(mut self) {
        self.is_offered = true;
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !self.is_offered {
            self.shared.board.uploads().done_with(&self.path);
        }
    }
}

async fn write(mut chunks: BodyDataStream, path: &std::path::Path) -> Result<u64, Refusal> {
    let failed = |error| {
        let text = format!("the file cannot be kept: {error}");
        Refusal::new(StatusCode::INSUFFICIENT_STORAGE, text)
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).await.map_err(failed)?;
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::bad("the file ended too early"))?;
        size += chunk.len() as u64;
        if size > UPLOAD_LIMIT {
            return Err(too_large());
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok(size)
}

fn too_large() -> Refusal {
    let text = format!("a file has at most {UPLOAD_LIMIT} bytes here");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// The largest file that can be dropped.
pub(super) const UPLOAD_LIMIT: u64 = 256 << 20;

/// How many may be on their way here at once.
pub(super) const AT_ONCE: usize = 4;
