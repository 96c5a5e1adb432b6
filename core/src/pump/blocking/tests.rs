use super::*;
use crate::dialect::cable_car::{CableCarByte, Code, Join, Raw};
use crate::{Over, messages};
use std::collections::VecDeque;
use std::vec::Vec;

messages! {
    #[derive(Debug, PartialEq)]
    enum Words {
        Join(Join),
    }
}

/// A stream that follows a script: each step one read or write.
#[derive(Default)]
struct Script {
    reads: VecDeque<Result<Vec<u8>, ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    written: Vec<u8>,
}

impl embedded_io::ErrorType for Script {
    type Error = ErrorKind;
}

impl Read for Script {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, ErrorKind> {
        let bytes = self.reads.pop_front().unwrap_or(Err(ErrorKind::TimedOut))?;
        room[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let len = self
            .writes
            .pop_front()
            .unwrap_or(Ok(usize::MAX))?
            .min(bytes.len());
        self.written.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

type Scripted = Link<CableCarByte, Script, Script, [u8; 64]>;

fn link(
    reads: impl IntoIterator<Item = Result<&'static [u8], ErrorKind>>,
    writes: impl IntoIterator<Item = Result<usize, ErrorKind>>,
) -> Scripted {
    let reads = reads.into_iter().map(|read| read.map(Vec::from)).collect();
    let reader = Script {
        reads,
        ..Script::default()
    };
    let writer = Script {
        writes: writes.into_iter().collect(),
        ..Script::default()
    };
    Link::new(
        Messenger::new(CableCarByte, [0; 64], [0; 64]),
        reader,
        writer,
    )
}

#[test]
fn a_timeout_is_nothing_yet() {
    let mut link = link([Ok(&[2][..]), Err(ErrorKind::TimedOut), Ok(&[2])], []);
    assert!(link.recv::<Words>().unwrap().is_none());
    assert!(matches!(
        link.recv(),
        Ok(Some(Event::Message(Words::Join(Join))))
    ));
}

#[test]
fn delivers_all_before_it_says_closed() {
    let mut link = link([Ok(&[2, 2, 2, 2, 9][..]), Ok(&[])], []);
    for _ in 0..2 {
        assert!(matches!(
            link.recv(),
            Ok(Some(Event::Message(Words::Join(Join))))
        ));
    }
    assert!(matches!(
        link.recv::<Words>(),
        Ok(Some(Event::Malformed(_)))
    ));
    assert_eq!(link.recv::<Words>().unwrap_err(), Error::Closed);
}

#[test]
fn stops_reading_once_out_of_step() {
    let mut link = link([Ok(&[2, 2, 0, 2, 2][..]), Ok(&[2, 2])], []);
    assert!(matches!(
        link.recv(),
        Ok(Some(Event::Message(Words::Join(Join))))
    ));
    assert!(matches!(
        link.recv::<Words>(),
        Ok(Some(Event::Malformed(_)))
    ));
    assert_eq!(link.recv::<Words>().unwrap_err(), Error::OutOfStep);
}

#[test]
fn says_closed_after_a_clean_end() {
    let mut link = link([Ok(&[2, 2][..]), Ok(&[])], []);
    assert!(matches!(
        link.recv(),
        Ok(Some(Event::Message(Words::Join(Join))))
    ));
    assert_eq!(link.recv::<Words>().unwrap_err(), Error::Closed);
    assert_eq!(link.into_parts().0.is_over(), Some(Over::Ended));
}

#[test]
fn writes_in_parts_and_through_interruptions() {
    let mut link = link([], [Ok(1), Err(ErrorKind::Interrupted), Ok(1)]);
    link.send(&Join).unwrap();
    assert_eq!(link.writer().written, [2, 2]);
}

#[test]
fn keeps_what_a_stalled_stream_does_not_take() {
    let mut link = link([], [Ok(1), Err(ErrorKind::TimedOut)]);
    link.send(&Join).unwrap();
    assert_eq!(link.queued(), 1);
    link.flush().unwrap();
    assert_eq!(link.writer().written, [2, 2]);
}

#[test]
fn pushes_back_when_the_outbox_is_full_and_the_stream_stalls() {
    let mut link = link([], [Err(ErrorKind::TimedOut)]);
    let half = Raw {
        code: Code(9),
        body: &[0; 30],
    };
    link.queue(&half).unwrap();
    link.queue(&half).unwrap();
    assert_eq!(link.queue(&half).unwrap_err(), Error::Send(SendError::Full));
    assert_eq!(link.queued(), 64);
    link.queue(&half).unwrap();
    link.flush().unwrap();
    assert_eq!(link.writer().written.len(), 96);
}

#[test]
fn writes_what_is_queued_before_it_waits() {
    let mut link = link([Ok(&[2, 2][..])], []);
    link.queue(&Join).unwrap();
    assert!(link.writer().written.is_empty());
    assert!(link.recv::<Words>().unwrap().is_some());
    assert_eq!(link.writer().written, [2, 2]);
}

#[test]
fn hands_on_the_error_of_the_stream() {
    let mut link = link([Err(ErrorKind::ConnectionReset)], []);
    assert_eq!(
        link.recv::<Words>().unwrap_err(),
        Error::Transport(ErrorKind::ConnectionReset)
    );
}

#[test]
fn delivers_the_last_words_of_a_peer_that_is_gone() {
    let mut link = link(
        [Ok(&[2, 2][..]), Ok(&[])],
        [
            Err(ErrorKind::BrokenPipe),
            Err(ErrorKind::BrokenPipe),
            Err(ErrorKind::BrokenPipe),
        ],
    );
    link.queue(&Join).unwrap();
    assert!(matches!(
        link.recv(),
        Ok(Some(Event::Message(Words::Join(Join))))
    ));
    let end = link.recv::<Words>().unwrap_err();
    assert_eq!(end, Error::Transport(ErrorKind::BrokenPipe));
}
