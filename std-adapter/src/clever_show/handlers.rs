use super::Talk;
use crate::call::Refused;
use ropeway_core::Malformed;
use ropeway_core::dialect::Kind;
use ropeway_core::dialect::clever_show::{Arguments, CallId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt;

/// What to do with what a peer says: a closure for each name.
///
/// Arguments are read as any type that serde reads, by its [shape](ropeway_core::encoding::value::arguments): a struct
/// or map takes named ones, a tuple or list positional ones, `Args` both, and
/// [`Value`](crate::value::Value)s whatever comes. A name known twice belongs to the handler given last. A handler that panics lets the panic through to
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
///     .action("led_fill", |_, Color { red, green, blue }| println!("{red} {green} {blue}"))
///     .request("batt_voltage", |_, ()| Ok(f64::NAN))
///     .request("sum", |_, (a, b): (i64, i64)| Ok(a + b));
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
    fn run(&mut self, talk: &mut Talk, id: Option<CallId>) -> Result<(), Refused>;
}

impl Handlers {
    /// Nothing is handled: actions are dropped, requests not answered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles the action `name`.
    pub fn action<M>(
        &mut self,
        name: impl Into<String>,
        handler: impl FnMut(&mut Talk, M) + Send + 'static,
    ) -> &mut Self
    where
        M: DeserializeOwned + Send + 'static,
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
    pub fn request<M, R>(
        &mut self,
        name: impl Into<String>,
        handler: impl FnMut(&mut Talk, M) -> Result<R, Refused> + Send + 'static,
    ) -> &mut Self
    where
        M: DeserializeOwned + Send + 'static,
        R: Serialize + 'static,
    {
        let name = name.into();
        let handler = Box::new(Request {
            name: name.clone(),
            taken: None,
            handler,
        });
        self.requests.insert(name, handler);
        self
    }

    pub(super) fn find(&mut self, kind: Kind<CallId>, name: &str) -> Option<&mut Box<dyn Handler>> {
        match kind {
            Kind::Message => self.actions.get_mut(name),
            Kind::Request(_) => self.requests.get_mut(name),
            Kind::Answer(_) => None,
        }
    }
}

struct Action<M, F> {
    taken: Option<M>,
    handler: F,
}

struct Request<M, F> {
    name: String,
    taken: Option<M>,
    handler: F,
}

impl<M, F> Handler for Action<M, F>
where
    M: DeserializeOwned + Send,
    F: FnMut(&mut Talk, M) + Send,
{
    fn read(&mut self, arguments: Arguments<'_>) -> Result<(), Malformed> {
        self.taken = Some(arguments.read()?);
        Ok(())
    }

    fn run(&mut self, talk: &mut Talk, _: Option<CallId>) -> Result<(), Refused> {
        if let Some(message) = self.taken.take() {
            (self.handler)(talk, message);
        }
        Ok(())
    }
}

impl<M, R, F> Handler for Request<M, F>
where
    M: DeserializeOwned + Send,
    R: Serialize,
    F: FnMut(&mut Talk, M) -> Result<R, Refused> + Send,
{
    fn read(&mut self, arguments: Arguments<'_>) -> Result<(), Malformed> {
        self.taken = Some(arguments.read()?);
        Ok(())
    }

    fn run(&mut self, talk: &mut Talk, id: Option<CallId>) -> Result<(), Refused> {
        let (Some(message), Some(id)) = (self.taken.take(), id) else {
            return Ok(());
        };
        let value = (self.handler)(talk, message)?;
        talk.answer(id, &self.name, &value)?;
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
