//! Calls in tasks of tokio, beside the same bytes thrown there and back in such tasks.

use super::{Side, native_frames, show, turns_beside};
use crate::message::Sample;
use crate::pinned::{self, PATIENCE};
use crate::report::Report;
use crate::slab::Allocated;
use crate::stream::native;
use crate::{Outcome, Scale, allocations};
use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ropeway_std::{Handlers, Options, tokio};
use std::net::TcpStream;
use std::time::Instant;

pub(super) fn rows(report: &mut Report, scale: Scale) {
    let turns = native_frames().and_then(|frames| {
        turns_beside([throw as Side, give_back], &frames, scale, |trips| {
            let (here, there) = pinned::connection()?;
            pinned::side_by_side(|| in_tasks(ask(here, trips)), || in_tasks(reply(there)))
        })
    });
    show(report, "tokio", "Node::call", 1.05, turns);
}

fn throw(stream: TcpStream, [call, answer]: &[Vec<u8>; 2], trips: u32) -> Outcome<Vec<f64>> {
    in_tasks(async {
        let mut stream = to_tokio(stream)?;
        let mut times = Vec::with_capacity(trips as usize);
        let mut bytes = vec![0; answer.len()];
        for id in 0..trips {
            let start = Instant::now();
            stream.write_all(call).await?;
            stream.read_exact(&mut bytes).await?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            if bytes != *answer {
                return Err(format!("answer {id} is another").into());
            }
        }
        Ok(times)
    })
}

fn give_back(stream: TcpStream, [call, answer]: &[Vec<u8>; 2], trips: u32) -> Outcome<Vec<f64>> {
    in_tasks(async {
        let mut stream = to_tokio(stream)?;
        let mut bytes = vec![0; call.len()];
        for _ in 0..trips {
            stream.read_exact(&mut bytes).await?;
            stream.write_all(answer).await?;
        }
        Ok(Vec::new())
    })
}

async fn ask(stream: TcpStream, trips: u32) -> Outcome<(Vec<f64>, Allocated)> {
    let link = tokio::Link::new(native::dialling(), to_tokio(stream)?, &Options::default())?;
    let mut node = tokio::Node::new(link, Handlers::new());
    node.open().await?;
    let mut times = Vec::with_capacity(trips as usize);
    let mut before = 0;
    for id in 0..trips {
        if id == trips / 2 {
            before = allocations::count();
        }
        let start = Instant::now();
        let answer: u32 = node.call(&Sample::nth(id), PATIENCE).await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if answer != id {
            return Err(format!("call {id} was answered with {answer}").into());
        }
    }
    let allocated = allocations::count() - before;
    node.close(PATIENCE).await?;
    Ok((times, allocated))
}

async fn reply(stream: TcpStream) -> Outcome<Allocated> {
    let mut handlers = Handlers::new();
    handlers.answer(|_, sample: Sample| Ok(sample.id));
    let link = tokio::Link::new(native::listening(), to_tokio(stream)?, &Options::default())?;
    // It ends with the link, when all calls are done.
    let _ = tokio::Node::new(link, handlers).run().await;
    Ok(0)
}

fn to_tokio(stream: TcpStream) -> Outcome<::tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(::tokio::net::TcpStream::from_std(stream)?)
}

fn in_tasks<T>(main: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let mut builder = ::tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()?.block_on(main)
}
