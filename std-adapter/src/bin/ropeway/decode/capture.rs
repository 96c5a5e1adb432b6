//! Captures of packets, pcap and pcapng, as segments of TCP.

use crate::fault::Fault;
use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One segment of TCP.
pub(super) struct Segment<'a> {
    /// Since 1970.
    pub(super) time: Duration,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    pub(super) marks: Marks,
    pub(super) bytes: &'a [u8],
}

/// The marks of a segment that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

/// What a capture held beside segments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) packets: u64,
    /// Packets of a link layer that is not known here.
    pub(super) foreign: u64,
    /// The last of those.
    pub(super) linktype: i32,
}

/// How the packets of an interface are wrapped, and what their times mean.
#[derive(Clone, Copy)]
struct Interface {
    linktype: Linktype,
    /// Ticks in a second.
    resolution: u64,
    /// Seconds.
    offset: i64,
}

/// Whether bytes start a capture.
pub(super) fn is_capture(start: &[u8]) -> bool {
    MAGICS.iter().any(|magic| start.starts_with(magic))
}

/// How many bytes at the start must be there at once; nothing before that can be told.
pub(super) fn least(start: &[u8]) -> usize {
    let Some((magic, rest)) = start.split_first_chunk::<4>() else {
        return 4;
    };
    if *magic != MAGICS[0] {
        return PCAP_HEADER;
    }
    let (Some(len), Some(order)) = (rest.first_chunk(), rest.get(4..8)) else {
        return 12;
    };
    let len = match order {
        [0x1A, ..] => u32::from_be_bytes(*len),
        _ => u32::from_le_bytes(*len),
    };
    usize::try_from(len)
        .unwrap_or(usize::MAX)
        .clamp(12, LARGEST)
}

/// Reads a capture; what of it is there has been told when it fails.
pub(super) fn read(
    source: impl Read + Send,
    told: &mut dyn FnMut(&Segment<'_>) -> Result<(), Fault>,
) -> (Counts, Result<(), Fault>) {
    let mut counts = Counts::default();
    let result = blocks(source, &mut counts, told);
    (counts, result)
}

fn blocks(
    source: impl Read + Send,
    counts: &mut Counts,
    told: &mut dyn FnMut(&Segment<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = create_reader(SPARE, source).map_err(|error| broken(&error, 0))?;
    let mut interfaces = Vec::new();
    let mut room = SPARE;
    loop {
        let has_more = !reader.reader_exhausted();
        match reader.next() {
            Ok((len, block)) => {
                take(&block, &mut interfaces, counts, told)?;
                reader.consume(len);
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::BufferTooSmall) if room < LARGEST => {
                room *= 2;
                reader.grow(room);
            }
            Err(PcapError::Incomplete(_)) if has_more => {
                let refilled = reader.refill();
                refilled.map_err(|error| broken(&error, counts.packets))?;
            }
            Err(error) => return Err(broken(&error, counts.packets)),
        }
    }
}

fn take(
    block: &PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    counts: &mut Counts,
    told: &mut dyn FnMut(&Segment<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let (interface, time, packet) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            interfaces.push(Interface {
                linktype: header.network,
                resolution: if header.is_nanosecond_precision() {
                    1_000_000_000
                } else {
                    1_000_000
                },
                offset: 0,
            });
            return Ok(());
        }
        PcapBlockOwned::Legacy(packet) => {
            let Some(interface) = interfaces.first() else {
                return Ok(());
            };
            let ticks = u64::from(packet.ts_usec);
            let time = Duration::from_secs(packet.ts_sec.into()) + interface.span(ticks);
            (*interface, time, packet.data)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return Ok(());
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            interfaces.push(Interface {
                linktype: description.linktype,
                resolution: description.ts_resolution().unwrap_or(1_000_000),
                offset: description.ts_offset(),
            });
            return Ok(());
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let index = usize::try_from(packet.if_id).unwrap_or(usize::MAX);
            let Some(interface) = interfaces.get(index) else {
                return Ok(());
            };
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let offset = Duration::from_secs(interface.offset.unsigned_abs());
            let time = interface.span(ticks);
            let time = match interface.offset {
                0.. => time.saturating_add(offset),
                _ => time.saturating_sub(offset),
            };
            (*interface, time, packet.packet_data())
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let Some(interface) = interfaces.first() else {
                return Ok(());
            };
            (*interface, Duration::ZERO, packet.packet_data())
        }
        PcapBlockOwned::NG(_) => return Ok(()),
    };
    counts.packets += 1;
    let Some(packet) = unwrap(interface.linktype, packet) else {
        counts.foreign += 1;
        counts.linktype = interface.linktype.0;
        return Ok(());
    };
    match segment(&packet, time) {
        Some(segment) => told(&segment),
        None => Ok(()),
    }
}

impl Interface {
    fn span(self, ticks: u64) -> Duration {
        let resolution = self.resolution.max(1);
        let nanos = u128::from(ticks % resolution) * 1_000_000_000 / u128::from(resolution);
        let nanos = Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
        Duration::from_secs(ticks / resolution) + nanos
    }
}

/// What is in a packet of this link layer; nothing if that is not known here, or the packet is cut too short.
fn unwrap(linktype: Linktype, packet: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    match linktype {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(packet).ok(),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | RAW_BSD | RAW_OPENBSD => {
            LaxSlicedPacket::from_ip(packet).ok()
        }
        // The family is four bytes in the order of the machine or of the network: IP says its version itself.
        Linktype::NULL | Linktype::LOOP => LaxSlicedPacket::from_ip(packet.get(4..)?).ok(),
        Linktype::LINUX_SLL => cooked(packet.get(14..16)?, packet.get(16..)?),
        Linktype::LINUX_SLL2 => cooked(packet.get(..2)?, packet.get(20..)?),
        _ => None,
    }
}

/// A packet behind one of Linux's own headers, which has the protocol as Ethernet has it.
fn cooked<'a>(protocol: &[u8], packet: &'a [u8]) -> Option<LaxSlicedPacket<'a>> {
    let protocol = u16::from_be_bytes(*protocol.first_chunk()?);
    Some(LaxSlicedPacket::from_ether_type(
        EtherType(protocol),
        packet,
    ))
}

fn segment<'a>(packet: &LaxSlicedPacket<'a>, time: Duration) -> Option<Segment<'a>> {
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
        return None;
    };
    let (from, to) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => (
            IpAddr::V4(ip.header().source_addr()),
            IpAddr::V4(ip.header().destination_addr()),
        ),
        LaxNetSlice::Ipv6(ip) => (
            IpAddr::V6(ip.header().source_addr()),
            IpAddr::V6(ip.header().destination_addr()),
        ),
        _ => return None,
    };
    Some(Segment {
        time,
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        marks: Marks {
            syn: tcp.syn(),
            ack: tcp.ack(),
            fin: tcp.fin(),
            rst: tcp.rst(),
        },
        bytes: tcp.payload(),
    })
}

/// What is wrong with a capture behind so many packets.
fn broken<I>(error: &PcapError<I>, packets: u64) -> Fault {
    let text = match error {
        PcapError::UnexpectedEof | PcapError::Incomplete(_) | PcapError::Eof => {
            format!("the capture is cut off behind {packets} packets")
        }
        PcapError::ReadError => return Fault::failed("the capture cannot be read"),
        _ => format!("the capture is damaged behind {packets} packets"),
    };
    Fault::input(text)
}

/// pcapng, and pcap of either order and resolution.
const MAGICS: [[u8; 4]; 5] = [
    [0x0A, 0x0D, 0x0D, 0x0A],
    [0xD4, 0xC3, 0xB2, 0xA1],
    [0xA1, 0xB2, 0xC3, 0xD4],
    [0x4D, 0x3C, 0xB2, 0xA1],
    [0xA1, 0xB2, 0x3C, 0x4D],
];

/// What BSDs call raw IP.
const RAW_BSD: Linktype = Linktype(12);
const RAW_OPENBSD: Linktype = Linktype(14);

const PCAP_HEADER: usize = 24;

/// Memory for packets, at first and at most.
const SPARE: usize = 64 << 10;
const LARGEST: usize = 16 << 20;
