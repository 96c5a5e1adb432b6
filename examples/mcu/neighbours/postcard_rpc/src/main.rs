//! A server of three endpoints with postcard-rpc, over a line of frames that start with their length.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::convert::Infallible;
use core::fmt::Arguments;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use neighbours::{Correct, LENT, Latest, Measurement, Station, Sum, receive, send};
use postcard_rpc::header::{VarHeader, VarKeyKind};
use postcard_rpc::server::{
    Dispatch, Server, WireRx, WireRxErrorKind, WireSpawn, WireTx, WireTxErrorKind,
};
use postcard_rpc::{TopicDirection, define_dispatch, endpoints, topics};
use ropeway_costs::{exit, painted};

endpoints! {
    list = ENDPOINTS;
    | EndpointTy    | RequestTy | ResponseTy  | Path      |
    | ----------    | --------- | ----------  | ----      |
    | SumEndpoint     | Sum       | i64         | "sum"     |
    | LatestEndpoint  | Latest    | Measurement | "latest"  |
    | CorrectEndpoint | Correct   | bool        | "correct" |
}

topics! {
    list = TOPICS_IN;
    direction = TopicDirection::ToServer;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

topics! {
    list = TOPICS_OUT;
    direction = TopicDirection::ToClient;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

define_dispatch! {
    app: App;
    spawn_fn: spawn;
    tx_impl: Tx;
    spawn_impl: Spawn;
    context: Station;

    endpoints: {
        list: ENDPOINTS;
        | EndpointTy      | kind     | handler |
        | ----------      | ----     | ------- |
        | SumEndpoint     | blocking | sum     |
        | LatestEndpoint  | blocking | latest  |
        | CorrectEndpoint | blocking | correct |
    };
    topics_in: {
        list: TOPICS_IN;
        | TopicTy | kind | handler |
        | ------- | ---- | ------- |
    };
    topics_out: {
        list: TOPICS_OUT;
    };
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    static mut OUTPUT: [u8; LENT] = [0; LENT];
    #[cfg(not(feature = "measured"))]
    ropeway_costs::board::uart::start();
    #[cfg(feature = "measured")]
    script::prepare();
    painted::start();
    let app = App::new(Station::default(), Spawn);
    let kind = app.min_key_len();
    let tx = Tx(RefCell::new(&mut OUTPUT[..]));
    let mut server = Server::new(tx, Rx, &mut INPUT[..], app, kind);
    // Nothing waits but for bytes, and that is in the wire.
    let ended = pin!(server.run()).poll_once();
    #[cfg(feature = "measured")]
    neighbours::script::end();
    painted::end(2 * LENT);
    exit(ended)
}

/// Whether a future is done when it is polled once.
trait PollOnce {
    fn poll_once(self) -> bool;
}

impl<F: Future> PollOnce for core::pin::Pin<&mut F> {
    fn poll_once(self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(self.poll(&mut context), Poll::Ready(_))
    }
}

fn sum(station: &mut Station, _: VarHeader, request: Sum) -> i64 {
    station.sum(request)
}

fn latest(station: &mut Station, _: VarHeader, _: Latest) -> Measurement {
    station.latest()
}

fn correct(station: &mut Station, _: VarHeader, request: Correct) -> bool {
    station.correct(request)
}

/// Sends frames, written in memory that is lent.
pub struct Tx(RefCell<&'static mut [u8]>);

pub struct Rx;

impl WireTx for Tx {
    type Error = WireTxErrorKind;

    async fn send<T: serde::Serialize + ?Sized>(
        &self,
        header: VarHeader,
        message: &T,
    ) -> Result<(), WireTxErrorKind> {
        let mut memory = self
            .0
            .try_borrow_mut()
            .map_err(|_| WireTxErrorKind::Other)?;
        let (head, room) = header
            .write_to_slice(&mut memory)
            .ok_or(WireTxErrorKind::Other)?;
        let body = postcard::to_slice(message, room).map_err(|_| WireTxErrorKind::Other)?;
        let len = head.len() + body.len();
        send(memory.get(..len).unwrap_or_default());
        Ok(())
    }

    async fn send_raw(&self, frame: &[u8]) -> Result<(), WireTxErrorKind> {
        send(frame);
        Ok(())
    }

    async fn send_log_str(&self, _: VarKeyKind, _: &str) -> Result<(), WireTxErrorKind> {
        Ok(())
    }

    async fn send_log_fmt<'a>(
        &self,
        _: VarKeyKind,
        _: Arguments<'a>,
    ) -> Result<(), WireTxErrorKind> {
        Ok(())
    }
}

impl WireRx for Rx {
    type Error = WireRxErrorKind;

    async fn receive<'a>(&mut self, memory: &'a mut [u8]) -> Result<&'a mut [u8], WireRxErrorKind> {
        receive(memory).ok_or(WireRxErrorKind::ConnectionClosed)
    }
}

#[derive(Clone)]
pub struct Spawn;

impl WireSpawn for Spawn {
    type Error = Infallible;
    type Info = ();

    fn info(&self) -> &() {
        &()
    }
}

#[expect(dead_code, reason = "no endpoint is spawned")]
fn spawn() {}

/// What is asked, and what must be answered.
#[cfg(feature = "measured")]
mod script {
    use super::*;
    use neighbours::script::{self, Exchange, Frame};
    use postcard_rpc::header::{VarKey, VarSeq};
    use postcard_rpc::{Endpoint, Key};

    pub fn prepare() {
        let [a, b] = [1, 2].map(Measurement::sample);
        script::prepare([
            exchange::<SumEndpoint>(&Sum(70_000, -3), &69_997),
            exchange::<CorrectEndpoint>(&Correct(a), &true),
            exchange::<CorrectEndpoint>(&Correct(b), &true),
            exchange::<LatestEndpoint>(&Latest, &b),
        ]);
    }

    fn exchange<E>(request: &E::Request, answer: &E::Response) -> Exchange
    where
        E: Endpoint<Request: serde::Serialize, Response: serde::Serialize>,
    {
        Exchange {
            request: frame(E::REQ_KEY, request),
            answer: frame(E::RESP_KEY, answer),
        }
    }

    fn frame(key: Key, body: &impl serde::Serialize) -> Frame {
        let mut key = VarKey::Key8(key);
        key.shrink_to(App::new(Station::default(), Spawn).min_key_len());
        let seq_no = VarSeq::Seq2(7);
        let mut bytes = [0; LENT];
        let written = VarHeader { key, seq_no }.write_to_slice(&mut bytes);
        let len = written.and_then(|(head, room)| {
            let body = postcard::to_slice(body, room).ok()?;
            Some(head.len() + body.len())
        });
        let len = len.unwrap_or_else(|| exit(false));
        Frame { bytes, len }
    }
}
