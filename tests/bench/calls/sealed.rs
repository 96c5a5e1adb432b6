//! The bytes of calls thrown there and back in records that are sealed by hand.

use crate::Outcome;
use crate::aead::{Cipher, EXTRA};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

pub(super) fn throw(
    stream: TcpStream,
    [call, answer]: &[Vec<u8>; 2],
    trips: u32,
) -> Outcome<Vec<f64>> {
    let mut end = End::new(stream, call.len().max(answer.len()));
    let mut times = Vec::with_capacity(trips as usize);
    for id in 0..trips {
        let start = Instant::now();
        end.write(call)?;
        let is_same = end.read(answer.len())? == answer;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        if !is_same {
            return Err(format!("answer {id} is another").into());
        }
    }
    Ok(times)
}

pub(super) fn give_back(
    stream: TcpStream,
    [call, answer]: &[Vec<u8>; 2],
    trips: u32,
) -> Outcome<Vec<f64>> {
    let mut end = End::new(stream, call.len().max(answer.len()));
    for _ in 0..trips {
        end.read(call.len())?;
        end.write(answer)?;
    }
    Ok(Vec::new())
}

struct End {
    stream: TcpStream,
    seals: Cipher,
    opens: Cipher,
    record: Vec<u8>,
}

impl End {
    fn new(stream: TcpStream, most: usize) -> Self {
        Self {
            stream,
            seals: Cipher::new(),
            opens: Cipher::new(),
            record: vec![0; most + EXTRA],
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        let len = self.seals.seal(bytes, &mut self.record)?;
        Ok(self.stream.write_all(&self.record[..len])?)
    }

    fn read(&mut self, len: usize) -> Outcome<&[u8]> {
        let record = &mut self.record[..len + EXTRA];
        self.stream.read_exact(record)?;
        let (plain, _) = self.opens.open(record)?.ok_or("no whole record")?;
        Ok(plain)
    }
}
