use super::Talk;
use super::queue::encode;
use crate::call::Refused;
use ropeway_core::dialect::Kind;
use ropeway_core::dialect::clever_show::{Arguments, CallId, NamedAnswer};
use ropeway_core::{Malformed, SendError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt;

/// What to do with what a peer says: a closure for each name.
///
/// Arguments are read as any types that serde reads: positional ones as a tuple or a list, named ones as a struct or
/// a map. A name known twice belongs to the handler given last. A handler that panics lets the panic through to
/// whoever turns the server or drone.
///
/// ```
/// use ropeway_std::clever_show::Handlers;
///
/// #[derive(serde::Deserialize)]
/// struct Color { #[serde(default)] red: u8, #[serde(default)] green: u8, #[serde(default)] blue: u8 }
///
/// let mut handlers = Handlers::new();
/// handlers
///     .action("led_fill", |_, (), Color { red, green, blue }| println!("{red} {green} {blue}"))
///     .request("batt_voltage", |_, (), ()| Ok(f64::NAN))
///     .request("sum", |_, (a, b): (i64, i64), ()| Ok(a + b));
/// ```
#[derive(Default)]
pub struct Handlers {
    actions: HashMap<String, Box<dyn Handler>>,
    requests: HashMap<String, Box<dyn Handler>>,
}

/// Reads arguments while they lie in the receive buffer, and acts on them afterwards.
pub(super) trait Handler: Send {
    fn read(&mut self, arguments: Arguments<'_>) -> Result<(), Malformed>;

    /// `id` is that of a request; what is refused is not answered.
    fn run(&mut self, talk: &mut Talk, name: &str, id: Option<CallId>) -> Result<(), Refused>;
}

impl Handlers {
    /// Nothing is handled: actions are dropped, requests not answered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles the action `name`.
    pub fn action<A, K>(
        &mut self,
        name: impl Into<String>,
        handler: impl FnMut(&mut Talk, A, K) + Send + 'static,
    ) -> &mut Self
    where
        A: DeserializeOwned + Send + 'static,
        K: DeserializeOwned + Send + 'static,
    {
        let handler = Box::new(Action {
            taken: None,
            handler,
        });
        self.actions.insert(name.into(), handler);
        self
    }

    /// Answers the request `name`. An error is not sent, since the protocol has no word for it: the peer has to give
    /// up by itself. It is told as [`What::Refused`](super::What::Refused).
    pub fn request<A, K, R>(
        &mut self,
        name: impl Into<String>,
        handler: impl FnMut(&mut Talk, A, K) -> Result<R, Refused> + Send + 'static,
    ) -> &mut Self
    where
        A: DeserializeOwned + Send + 'static,
        K: DeserializeOwned + Send + 'static,
        R: Serialize + 'static,
    {
        let handler = Box::new(Request {
            taken: None,
            handler,
        });
        self.requests.insert(name.into(), handler);
        self
    }

    pub(super) fn find(
        &mut self,
        kind: Kind<CallId>,
        name: &str,
    ) -> Option<&mut Box<dyn Handler>> {
        match kind {
            Kind::Message => self.actions.get_mut(name),
            Kind::Request(_) => self.requests.get_mut(name),
            Kind::Answer(_) => None,
        }
    }
}

struct Action<A, K, F> {
    taken: Option<(A, K)>,
    handler: F,
}

struct Request<A, K, F> {
    taken: Option<(A, K)>,
    handler: F,
}

fn read<A: DeserializeOwned, K: DeserializeOwned>(
    arguments: Arguments<'_>,
) -> Result<Option<(A, K)>, Malformed> {
    let args = match arguments.args.is_empty() {
        // `()` takes no arguments and nothing else does.
        true => arguments.args.read_empty::<A>()?,
        false => arguments.args.read()?,
    };
    let kwargs = arguments.kwargs.read_attributes()?;
    Ok(Some((args, kwargs)))
}

impl<A, K, F> Handler for Action<A, K, F>
where
    A: DeserializeOwned + Send,
    K: DeserializeOwned + Send,
    F: FnMut(&mut Talk, A, K) + Send,
{
    fn read(&mut self, arguments: Arguments<'_>) -> Result<(), Malformed> {
        self.taken = read(arguments)?;
        Ok(())
    }

    fn run(&mut self, talk: &mut Talk, _: &str, _: Option<CallId>) -> Result<(), Refused> {
        if let Some((args, kwargs)) = self.taken.take() {
            (self.handler)(talk, args, kwargs);
        }
        Ok(())
    }
}

impl<A, K, R, F> Handler for Request<A, K, F>
where
    A: DeserializeOwned + Send,
    K: DeserializeOwned + Send,
    R: Serialize,
    F: FnMut(&mut Talk, A, K) -> Result<R, Refused> + Send,
{
    fn read(&mut self, arguments: Arguments<'_>) -> Result<(), Malformed> {
        self.taken = read(arguments)?;
        Ok(())
    }

    fn run(&mut self, talk: &mut Talk, name: &str, id: Option<CallId>) -> Result<(), Refused> {
        let (Some((args, kwargs)), Some(id)) = (self.taken.take(), id) else {
            return Ok(());
        };
        let value = (self.handler)(talk, args, kwargs)?;
        let limit = talk.settings().options.largest();
        let answer = NamedAnswer {
            id,
            name,
            value: &value,
        };
        let frame = encode(&answer, limit).map_err(|error: SendError| Refused::from(error))?;
        talk.push_answer(frame.into());
        Ok(())
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("actions", &self.actions.keys())
            .field("requests", &self.requests.keys())
            .finish()
    }
}
