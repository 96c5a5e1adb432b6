//! A node of three endpoints with ergot, the edge of a network, over a line of frames that start with their length.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Context, Waker};
use embassy_futures::join::join3;
use ergot::exports::mutex::raw_impls::cs::CriticalSectionRawMutex;
use ergot::interface_manager::profiles::direct_edge::{DirectEdge, process_frame};
use ergot::interface_manager::{Interface, InterfaceSink};
use ergot::wire_frames::{encode_frame_err, encode_frame_ty};
use ergot::{HeaderSeq, NetStack, ProtocolError, endpoint};
use neighbours::{Correct, LENT, Latest, Measurement, Station, Sum, receive, send};
use ropeway_costs::{exit, painted};
use serde::Serialize;

endpoint!(SumEndpoint, Sum, i64, "sum");
endpoint!(LatestEndpoint, Latest, Measurement, "latest");
endpoint!(CorrectEndpoint, Correct, bool, "correct");

static STACK: NetStack<CriticalSectionRawMutex, DirectEdge<Line>> =
    NetStack::new_with_profile(DirectEdge::new_target(Sink([0; LENT])));

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut INPUT: [u8; LENT] = [0; LENT];
    #[cfg(not(feature = "measured"))]
    ropeway_costs::board::uart::start();
    #[cfg(feature = "measured")]
    script::prepare();
    painted::start();
    let station = RefCell::new(Station::default());
    let sum = pin!(STACK.endpoints().single_server::<SumEndpoint>(None));
    let latest = pin!(STACK.endpoints().single_server::<LatestEndpoint>(None));
    let correct = pin!(STACK.endpoints().single_server::<CorrectEndpoint>(None));
    let (mut sum, mut latest, mut correct) = (sum.attach(), latest.attach(), correct.attach());
    let mut answers = pin!(join3(
        async {
            loop {
                let answered = sum.serve_blocking(|it| station.borrow().sum(*it)).await;
                is(answered.is_ok());
            }
        },
        async {
            loop {
                let answered = latest.serve_blocking(|_| station.borrow().latest()).await;
                is(answered.is_ok());
            }
        },
        async {
            loop {
                let correct = correct.serve_blocking(|it| station.borrow_mut().correct(*it));
                is(correct.await.is_ok());
            }
        },
    ));
    let mut network = None;
    let mut context = Context::from_waker(Waker::noop());
    while let Some(frame) = receive(INPUT) {
        process_frame(&mut network, frame, &&STACK, ());
        // They wait for nothing but frames.
        is(answers.as_mut().poll(&mut context).is_pending());
    }
    #[cfg(feature = "measured")]
    neighbours::script::end();
    painted::end(2 * LENT);
    exit(true)
}

fn is(so: bool) {
    if !so {
        exit(false);
    }
}

/// The line to the rest of the network.
struct Line;

impl Interface for Line {
    type Sink = Sink;
}

/// Sends frames, written in memory of its own.
struct Sink([u8; LENT]);

impl InterfaceSink for Sink {
    fn send_ty<T: Serialize>(&mut self, header: &HeaderSeq, body: &T) -> Result<(), ()> {
        let memory = postcard::ser_flavors::Slice::new(&mut self.0);
        let frame = encode_frame_ty(memory, header, body).map_err(|_| ())?;
        send(frame);
        Ok(())
    }

    fn send_raw(&mut self, _: &HeaderSeq, _: &[u8]) -> Result<(), ()> {
        Err(())
    }

    fn send_err(&mut self, header: &HeaderSeq, error: ProtocolError) -> Result<(), ()> {
        let memory = postcard::ser_flavors::Slice::new(&mut self.0);
        let frame = encode_frame_err(memory, header, error).map_err(|_| ())?;
        send(frame);
        Ok(())
    }
}

/// What is asked, and what must be answered.
#[cfg(feature = "measured")]
mod script {
    use super::*;
    use ergot::traits::Endpoint;
    use ergot::{Address, AnyAllAppendix, DEFAULT_TTL, FrameKind, Key};
    use neighbours::script::{self, Exchange, Frame};

    pub fn prepare() {
        let [a, b] = [1, 2].map(Measurement::sample);
        script::prepare([
            exchange::<SumEndpoint>(&Sum(70_000, -3), &69_997),
            exchange::<CorrectEndpoint>(&Correct(a), &true),
            exchange::<CorrectEndpoint>(&Correct(b), &true),
            exchange::<LatestEndpoint>(&Latest, &b),
        ]);
    }

    /// The request goes to whoever serves the endpoint, and the answer says no more of where it comes from.
    fn exchange<E>(request: &E::Request, answer: &E::Response) -> Exchange
    where
        E: Endpoint<Request: Serialize, Response: Serialize>,
    {
        let there = Address {
            network_id: 1,
            node_id: 1,
            port_id: 99,
        };
        let here = Address {
            network_id: 1,
            node_id: 2,
            port_id: 0,
        };
        let request_header = HeaderSeq {
            src: there,
            dst: here,
            any_all: Some(AnyAllAppendix {
                key: Key(E::REQ_KEY.to_bytes()),
                nash: None,
            }),
            seq_no: 7,
            kind: FrameKind::ENDPOINT_REQ,
            ttl: DEFAULT_TTL,
        };
        let answer_header = HeaderSeq {
            src: here,
            dst: there,
            any_all: None,
            kind: FrameKind::ENDPOINT_RESP,
            ttl: DEFAULT_TTL - 1,
            ..request_header
        };
        Exchange {
            request: frame(&request_header, request),
            answer: frame(&answer_header, answer),
        }
    }

    fn frame(header: &HeaderSeq, body: &impl Serialize) -> Frame {
        let mut bytes = [0; LENT];
        let memory = postcard::ser_flavors::Slice::new(&mut bytes);
        let Ok(written) = encode_frame_ty(memory, header, body) else {
            exit(false)
        };
        let len = written.len();
        Frame { bytes, len }
    }
}
