mod opening;
mod peer;
mod records;

use super::{Key, KeyId, Keys, Secure};
use crate::buf::Storage;
use crate::wire::{Fault, Wire};
use std::vec::Vec;

/// Wires of a dialler and a listener, both with the keys of [`keys`].
type Pair<const N: usize> = (Dialler<N>, Listener<N>);
type Dialler<const N: usize> = Secure<Key, [u8; N]>;
type Listener<const N: usize> = Secure<[(&'static str, Key); 2], [u8; N]>;

const KEY: [u8; 32] = [0x5a; 32];

fn keys() -> [(&'static str, Key); 2] {
    [("other", Key::new([9; 32])), ("rover", Key::new(KEY))]
}

fn rover() -> KeyId {
    KeyId::new(b"rover").unwrap()
}

fn dialler<const N: usize>() -> Dialler<N> {
    let mut dialler = Secure::dial(rover(), Key::new(KEY), [0; N], [0; N]);
    dialler.handle_connected([1; 32]);
    dialler
}

fn listener<const N: usize>() -> Listener<N> {
    let mut listener = Secure::listen(keys(), [0; N], [0; N]);
    listener.handle_connected([2; 32]);
    listener
}

/// A pair that is open.
fn pair<const N: usize>() -> Pair<N> {
    let (mut dialler, mut listener) = (dialler(), listener());
    assert_eq!(
        deliver(&mut listener, &written(&mut dialler)),
        Ok(Vec::new())
    );
    assert_eq!(
        deliver(&mut dialler, &written(&mut listener)),
        Ok(Vec::new())
    );
    assert!(dialler.is_open() && listener.is_open());
    (dialler, listener)
}

/// All that waits to be written.
fn written(wire: &mut impl Wire) -> Vec<u8> {
    let mut all = Vec::new();
    while !wire.poll_output().is_empty() {
        let output = wire.poll_output().to_vec();
        wire.handle_written(output.len());
        all.extend(output);
    }
    all
}

/// Gives `bytes` to a wire, as much at once as it has room for, and reads what becomes of them.
fn deliver(wire: &mut impl Wire, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    deliver_in_pieces(wire, bytes, usize::MAX)
}

fn deliver_in_pieces(wire: &mut impl Wire, bytes: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    let (mut rest, mut read) = (bytes, Vec::new());
    loop {
        let room = wire.input_room();
        let len = room.len().min(rest.len()).min(most);
        room[..len].copy_from_slice(&rest[..len]);
        wire.handle_input(len);
        rest = &rest[len..];
        let before = read.len();
        loop {
            let plain = wire.poll_stream()?;
            if plain.is_empty() {
                break;
            }
            // In two parts, for nobody has to take all at once.
            let part = plain.len().div_ceil(2);
            read.extend_from_slice(&plain[..part]);
            wire.take_stream(part);
        }
        if len == 0 && read.len() == before {
            break;
        }
    }
    Ok(read)
}

/// One sealed record, as it is written.
fn sealed<K: Keys, I: Storage, O: Storage>(wire: &mut Secure<K, I, O>, plain: &[u8]) -> Vec<u8> {
    assert_eq!(wire.send_stream(plain), plain.len());
    written(wire)
}
