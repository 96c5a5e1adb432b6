//! Against `snow`, an implementation of Noise by other people.

use super::*;
use crate::wire::secure::cipher::RECORDS_A_KEY;
use crate::wire::secure::{MAX_RECORD, State};
use snow::{Builder, HandshakeState, StatelessTransportState};

const PROTOCOL: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const PROLOGUE: &[u8] = b"\x01\x01\x05rover";

fn builder() -> Builder<'static> {
    let builder = Builder::new(PROTOCOL.parse().unwrap());
    builder.psk(0, &KEY).unwrap().prologue(PROLOGUE).unwrap()
}

fn message(peer: &mut HandshakeState, limit: u16) -> Vec<u8> {
    let mut message = [0; 128];
    let len = peer.write_message(&limit.to_le_bytes(), &mut message);
    message[..len.unwrap()].to_vec()
}

fn payload(peer: &mut HandshakeState, message: &[u8]) -> u16 {
    let mut payload = [0; 128];
    assert_eq!(peer.read_message(message, &mut payload).unwrap(), 2);
    u16::from_le_bytes([payload[0], payload[1]])
}

fn dialled_by_us(limit: u16) -> (Dialler<4096>, StatelessTransportState) {
    let mut ours = dialler();
    let mut peer = builder().build_responder().unwrap();
    let opening = written(&mut ours);
    let (prologue, first) = opening.split_at(PROLOGUE.len());
    assert_eq!(prologue, PROLOGUE);
    assert_eq!(payload(&mut peer, first), 4096 - 18);
    let answer = [&[1], &message(&mut peer, limit)[..]].concat();
    assert_eq!(deliver(&mut ours, &answer), Ok(Vec::new()));
    (ours, peer.into_stateless_transport_mode().unwrap())
}

fn dialled_by_snow(limit: u16) -> (Listener<4096>, StatelessTransportState) {
    let mut ours = listener();
    let mut peer = builder().build_initiator().unwrap();
    let opening = [PROLOGUE, &message(&mut peer, limit)].concat();
    assert_eq!(deliver(&mut ours, &opening), Ok(Vec::new()));
    let answer = written(&mut ours);
    assert_eq!(answer[0], 1);
    assert_eq!(payload(&mut peer, &answer[1..]), 4096 - 18);
    (ours, peer.into_stateless_transport_mode().unwrap())
}

fn from_peer(peer: &StatelessTransportState, count: u64, plain: &[u8]) -> Vec<u8> {
    let mut sealed = std::vec![0; plain.len() + 16];
    let len = peer.write_message(count, plain, &mut sealed).unwrap();
    let len = u16::try_from(len).unwrap();
    [&len.to_be_bytes(), &sealed[..]].concat()
}

/// Reads the records in `bytes`, the first of which is number `count`.
fn by_peer(peer: &StatelessTransportState, mut count: u64, bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
    let (mut rest, mut read) = (bytes, Vec::new());
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (record, behind) = behind.split_at(usize::from(u16::from_be_bytes(*len)));
        let mut plain = std::vec![0; record.len()];
        let len = peer.read_message(count, record, &mut plain).unwrap();
        plain.truncate(len);
        read.push(plain);
        (rest, count) = (behind, count + 1);
    }
    (read, count)
}

/// Both ways, in records of all sizes, from record `count` on.
fn exchange<K: Keys>(
    ours: &mut Secure<K, [u8; 4096]>,
    peer: &StatelessTransportState,
    count: u64,
) -> u64 {
    let (mut count_in, mut count_out) = (count, count);
    for len in (0..150).chain([255, 256, 1000, 4078]) {
        let plain: Vec<u8> = (0..=250).cycle().take(len).collect();
        let record = from_peer(peer, count_in, &plain);
        assert_eq!(deliver(ours, &record).unwrap(), plain);
        count_in += 1;

        let (mut sent, mut read) = (0, Vec::new());
        while sent < len {
            sent += ours.send_stream(&plain[sent..]);
            let (records, next) = by_peer(peer, count_out, &written(ours));
            count_out = next;
            read.extend(records.concat());
        }
        assert_eq!(read, plain);
        if len == 0 {
            // Ours are never empty: one more, to stay in step.
            let (_, next) = by_peer(peer, count_out, &sealed(ours, b"step"));
            count_out = next;
        }
    }
    while count_in < count_out {
        assert!(deliver(ours, &from_peer(peer, count_in, b"")).is_ok());
        count_in += 1;
    }
    count_in
}

/// As if both directions had carried this many records, under their first keys.
fn go_to<K, I, O>(ours: &mut Secure<K, I, O>, count: u64) {
    let State::Open(records) = &mut ours.state else {
        panic!("not open");
    };
    (records.ours.count, records.theirs.count) = (count, count);
}

#[test]
fn speaks_noise_in_both_roles() {
    let (mut ours, peer) = dialled_by_us(u16::MAX);
    exchange(&mut ours, &peer, 0);
    let (mut ours, peer) = dialled_by_snow(u16::MAX);
    exchange(&mut ours, &peer, 0);
}

#[test]
fn replaces_its_keys_as_noise_does() {
    let (mut ours, mut peer) = dialled_by_us(u16::MAX);
    across_rekeys(&mut ours, &mut peer);
    let (mut ours, mut peer) = dialled_by_snow(u16::MAX);
    across_rekeys(&mut ours, &mut peer);
}

fn across_rekeys<K: Keys>(ours: &mut Secure<K, [u8; 4096]>, peer: &mut StatelessTransportState) {
    for keys in 1..4 {
        let change = keys * RECORDS_A_KEY;
        go_to(ours, change - 1);
        assert_eq!(
            deliver(ours, &from_peer(peer, change - 1, b"last")).unwrap(),
            b"last"
        );
        let (read, _) = by_peer(peer, change - 1, &sealed(ours, b"last"));
        assert_eq!(read, [b"last"]);
        peer.rekey_incoming();
        peer.rekey_outgoing();
        exchange(ours, peer, change);
    }
}

#[test]
fn makes_records_as_long_as_the_peer_takes() {
    for limit in [64, 65, 1000, 4000] {
        let (mut ours, peer) = dialled_by_snow(limit);
        let sent = ours.send_stream(&[7; 4000]);
        let (records, _) = by_peer(&peer, 0, &written(&mut ours));
        assert_eq!(records.concat(), std::vec![7; sent]);
        let longest = records.iter().map(Vec::len).max();
        assert_eq!(longest, Some(usize::from(limit)));
    }
    let (mut ours, peer) = dialled_by_snow(u16::MAX);
    ours.send_stream(&[7; 5000]);
    let (records, _) = by_peer(&peer, 0, &written(&mut ours));
    assert_eq!(records, [[7; 4096 - 18]]);
    assert_eq!(MAX_RECORD, 16_384);
}

#[test]
fn refuses_what_snow_made_with_another_prologue_or_key() {
    for (prologue, psk) in [(&b"\x01\x01\x05Rover"[..], KEY), (PROLOGUE, [1; 32])] {
        let builder = Builder::new(PROTOCOL.parse().unwrap());
        let builder = builder.psk(0, &psk).unwrap().prologue(prologue).unwrap();
        let first = message(&mut builder.build_initiator().unwrap(), 100);
        let mut ours = listener::<256>();
        assert_eq!(
            deliver(&mut ours, &[PROLOGUE, &first].concat()),
            Ok(Vec::new())
        );
        assert_eq!(written(&mut ours)[..3], [12, 0xe2, 11]);
        assert_eq!(ours.poll_stream(), Err(Fault::WrongKey));
    }
}
