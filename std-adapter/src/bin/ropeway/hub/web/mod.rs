//! The live view: a page, what it is made of as JSON, and metrics.
//!
//! It has a thread of its own, and talks to the hub's through its [`Line`]s.

mod api;
mod door;
mod events;
mod files;
mod guard;
mod metrics;
mod page;
mod refusal;
mod tick;

use super::line::Line;
use super::state::Board;
use crate::fault::Fault;
use axum::Router;
use axum::routing::{get, post, put};
use door::Door;
use guard::Guard;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tick::Ticks;
use tokio::runtime::Builder;

/// Where the page is served, and who may see it.
pub(crate) struct Web {
    listener: TcpListener,
    address: SocketAddr,
    guard: Guard,
    token: Option<String>,
}

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Everything>);

pub(crate) struct Everything {
    name: String,
    board: Arc<Board>,
    lines: Vec<Arc<dyn Line>>,
    ticks: Ticks,
    guard: Guard,
    uploads: tokio::sync::Semaphore,
}

impl std::ops::Deref for Shared {
    type Target = Everything;

    fn deref(&self) -> &Everything {
        &self.0
    }
}

impl Web {
    /// Takes the port; other machines may come only with a token.
    pub(crate) fn bind(address: SocketAddr, token: Option<&str>) -> Result<Self, Fault> {
        if token.is_none() && !address.ip().is_loopback() {
            let text =
                format!("the live view at {address} would be open to everyone who can reach it");
            return Err(Fault::input(text).hint(format!(
                "give --token SECRET, or serve it at 127.0.0.1:{}",
                address.port()
            )));
        }
        if token.is_some_and(|token| token.len() < SHORTEST_TOKEN) {
            let text = format!("the token is shorter than {SHORTEST_TOKEN} bytes");
            return Err(Fault::input(text).hint("`openssl rand -hex 16` draws one"));
        }
        let failed = |error| {
            Fault::failed(format!(
                "the live view cannot be served at {address}: {error}"
            ))
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            guard: Guard::new(address.ip(), token)?,
            token: token.map(str::to_owned),
        })
    }
}

/// Starts the thread that serves the page; it ends with the program.
pub(crate) fn start(
    web: Web,
    name: String,
    board: Arc<Board>,
    lines: Vec<Arc<dyn Line>>,
) -> Result<(), Fault> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let shown = match &web.token {
        Some(_) => format!("http://{}/?token=…", web.address),
        None => format!("http://{}/", web.address),
    };
    board.page(&shown, web.address);
    let thread = std::thread::Builder::new().name("page".into());
    thread.spawn(move || {
        if let Err(error) = runtime.block_on(serve(web, name, board.clone(), lines)) {
            board.trouble(format!("the live view is no longer served: {error}"));
        }
    })?;
    Ok(())
}

async fn serve(
    web: Web,
    name: String,
    board: Arc<Board>,
    lines: Vec<Arc<dyn Line>>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(web.listener)?;
    let shared = Shared(Arc::new(Everything {
        name,
        board,
        lines,
        ticks: Ticks::new(),
        guard: web.guard,
        uploads: tokio::sync::Semaphore::new(files::AT_ONCE),
    }));
    tokio::spawn(tick::run(shared.clone()));
    axum::serve(Door::new(listener), router(shared)).await
}

fn router(shared: Shared) -> Router {
    let api = Router::new()
        .route("/hub", get(api::hub))
        .route("/peers", get(api::peers))
        .route("/peers/{id}", get(api::peer).delete(api::disconnect))
        .route("/peers/{id}/messages", post(api::say))
        .route("/peers/{id}/calls", post(api::call))
        .route("/peers/{id}/files/{*name}", put(files::drop_on))
        .route("/messages", get(api::messages))
        .route("/events", get(events::follow));
    Router::new()
        .route("/", get(page::page))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/icon.svg", get(page::icon))
        .route("/metrics", get(metrics::metrics))
        .nest("/api", api)
        .fallback(refusal::no_such_page)
        .method_not_allowed_fallback(refusal::no_such_method)
        .layer(axum::middleware::from_fn_with_state(
            shared.clone(),
            guard::check,
        ))
        .with_state(shared)
}

/// What is shorter could be guessed.
const SHORTEST_TOKEN: usize = 12;
