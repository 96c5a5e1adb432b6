//! The network: a LAN9118, which keeps frames in FIFOs of its own.
//!
//! Source: SMSC LAN9118 datasheet. QEMU has sent a frame when the write of its last word returns, so
//! there is always room for the next one.

use crate::interrupt::Interrupt;
use crate::register::Register;
use core::task::Context;
use embassy_net::driver::{self, Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;

/// The network of this board.
pub struct Ethernet {
    rx: &'static mut Frame,
    tx: &'static mut Frame,
    address: [u8; 6],
}

impl Ethernet {
    /// Starts to receive. The address is the one that QEMU was given, or chose.
    ///
    /// # Panics
    ///
    /// When it is called twice, and where QEMU was started without a network.
    pub(crate) fn start() -> Self {
        static RX: ConstStaticCell<Frame> = ConstStaticCell::new([0; MTU]);
        static TX: ConstStaticCell<Frame> = ConstStaticCell::new([0; MTU]);
        assert!(
            BYTE_TEST.read() == 0x8765_4321,
            "no LAN9118: start QEMU with -nic …,model=lan9118"
        );
        HW_CFG.write(SOFT_RESET);
        INT_STS.write(u32::MAX);
        FIFO_INT.write(0); // one frame is enough to interrupt
        IRQ_CFG.write(IRQ_ENABLE | IRQ_ACTIVE_HIGH | IRQ_PUSH_PULL);
        INT_EN.write(RX_FIFO_LEVEL);
        TX_CFG.write(TX_ON);
        Interrupt::Ethernet.enable();
        write_mac(MAC_CR, FULL_DUPLEX | ALL_MULTICAST | TX_ENABLE | RX_ENABLE);
        let [a, b, c, d] = read_mac(ADDRL).to_le_bytes();
        let [e, f, ..] = read_mac(ADDRH).to_le_bytes();
        Self {
            rx: RX.take(),
            tx: TX.take(),
            address: [a, b, c, d, e, f],
        }
    }
}

/// A frame has come.
pub(crate) fn wake() {
    INT_STS.write(RX_FIFO_LEVEL);
    WAKER.wake();
}

impl Driver for Ethernet {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        WAKER.register(context.waker());
        let len = receive(self.rx)?;
        Some((RxToken(&mut self.rx[..len]), TxToken(self.tx)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken(self.tx))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MTU;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that has come.
pub struct RxToken<'a>(&'a mut [u8]);

impl driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame to send.
pub struct TxToken<'a>(&'a mut Frame);

impl driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let frame = &mut self.0[..len];
        let result = write(frame);
        send(frame);
        result
    }
}

/// Takes the next frame out of the FIFO, passing over those that are damaged or too long.
fn receive(into: &mut Frame) -> Option<usize> {
    while RX_FIFO_INF.read() & FRAMES != 0 {
        let status = RX_STATUS.read();
        let len = (status >> 16 & 0x3FFF) as usize;
        let frame = len.checked_sub(CRC).and_then(|len| into.get_mut(..len));
        let Some(frame) = frame.filter(|_| status & RX_ERROR == 0) else {
            discard(len.div_ceil(WORD));
            continue;
        };
        for bytes in frame.chunks_mut(WORD) {
            bytes.copy_from_slice(&RX_DATA.read().to_le_bytes()[..bytes.len()]);
        }
        discard(len.div_ceil(WORD) - frame.len().div_ceil(WORD));
        return Some(frame.len());
    }
    None
}

fn discard(words: usize) {
    for _ in 0..words {
        RX_DATA.read();
    }
}

fn send(frame: &[u8]) {
    let len = frame.len() as u32;
    TX_DATA.write(FIRST_SEGMENT | LAST_SEGMENT | len);
    TX_DATA.write(len);
    for bytes in frame.chunks(WORD) {
        let mut word = [0; WORD];
        word[..bytes.len()].copy_from_slice(bytes);
        TX_DATA.write(u32::from_le_bytes(word));
    }
    while TX_FIFO_INF.read() & FRAMES != 0 {
        TX_STATUS.read();
    }
}

fn read_mac(register: u32) -> u32 {
    access_mac(MAC_READ | register);
    MAC_DATA.read()
}

fn write_mac(register: u32, word: u32) {
    MAC_DATA.write(word);
    access_mac(register);
}

fn access_mac(command: u32) {
    MAC_COMMAND.write(MAC_BUSY | command);
    while MAC_COMMAND.read() & MAC_BUSY != 0 {}
}

/// Who waits for frames.
static WAKER: AtomicWaker = AtomicWaker::new();

/// A frame without the CRC behind it.
type Frame = [u8; MTU];
const MTU: usize = 1514;
const CRC: usize = 4;
const WORD: usize = size_of::<u32>();

const DEVICE: usize = 0x4020_0000;
const RX_DATA: Register = Register::new(DEVICE, 0x00);
const TX_DATA: Register = Register::new(DEVICE, 0x20);
const RX_STATUS: Register = Register::new(DEVICE, 0x40);
const TX_STATUS: Register = Register::new(DEVICE, 0x48);
const IRQ_CFG: Register = Register::new(DEVICE, 0x54);
const INT_STS: Register = Register::new(DEVICE, 0x58);
const INT_EN: Register = Register::new(DEVICE, 0x5C);
const BYTE_TEST: Register = Register::new(DEVICE, 0x64);
const FIFO_INT: Register = Register::new(DEVICE, 0x68);
const TX_CFG: Register = Register::new(DEVICE, 0x70);
const HW_CFG: Register = Register::new(DEVICE, 0x74);
const RX_FIFO_INF: Register = Register::new(DEVICE, 0x7C);
const TX_FIFO_INF: Register = Register::new(DEVICE, 0x80);
const MAC_COMMAND: Register = Register::new(DEVICE, 0xA4);
const MAC_DATA: Register = Register::new(DEVICE, 0xA8);

// Registers of the MAC, which are reached through a command.
const MAC_CR: u32 = 1;
const ADDRH: u32 = 2;
const ADDRL: u32 = 3;

/// HW_CFG.
const SOFT_RESET: u32 = 1;
/// IRQ_CFG.
const IRQ_ENABLE: u32 = 1 << 8;
const IRQ_ACTIVE_HIGH: u32 = 1 << 4;
const IRQ_PUSH_PULL: u32 = 1;
/// INT_STS and INT_EN: there are more frames than FIFO_INT says.
const RX_FIFO_LEVEL: u32 = 1 << 3;
/// TX_CFG.
const TX_ON: u32 = 1 << 1;
/// RX_FIFO_INF and TX_FIFO_INF: frames whose status is to be read.
const FRAMES: u32 = 0xFF << 16;
/// RX_STATUS.
const RX_ERROR: u32 = 1 << 15;
/// The first word of a command to send; the second is the length alone.
const FIRST_SEGMENT: u32 = 1 << 13;
const LAST_SEGMENT: u32 = 1 << 12;
/// MAC_COMMAND.
const MAC_BUSY: u32 = 1 << 31;
const MAC_READ: u32 = 1 << 30;
/// MAC_CR.
const FULL_DUPLEX: u32 = 1 << 20;
const ALL_MULTICAST: u32 = 1 << 19;
const TX_ENABLE: u32 = 1 << 3;
const RX_ENABLE: u32 = 1 << 2;
