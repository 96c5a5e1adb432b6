//! What boards and their hub say to each other: one table for firmware and host.

#![no_std]

use ropeway_core::messages;
use serde::{Deserialize, Serialize};

messages! {
    /// What a sensor and its hub say.
    #[derive(Debug)]
    pub enum Station {
        Reading(Reading) = 0x10,
        Blink(Blink) = 0x11 -> (),
        SetRate(SetRate) = 0x12 -> () where repeatable,
        ReadMemory(ReadMemory) = 0x13 -> Memory where repeatable,
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// How many were sent before, since the start.
    pub number: u32,
    /// Degrees Celsius.
    pub celsius: f32,
}

/// "Turn the light on and off so often", answered when that is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blink {
    /// How often.
    pub times: u8,
}

/// "Send so many readings a second": 1 to 100, otherwise it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetRate {
    /// How many.
    pub per_second: u8,
}

/// "How much memory is in use?"
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadMemory;

/// How much memory is in use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Of the stack, at the most so far.
    pub stack: u32,
    /// For statics.
    pub statics: u32,
}

messages! {
    /// What a board on trial and who tries it say.
    #[derive(Debug)]
    pub enum Trial {
        Number(Number) = 0x10,
        Count(Count) = 0x11 -> u32 where repeatable,
        SendNumbers(SendNumbers) = 0x12 -> (),
        Double(Double) = 0x13 -> u32 where repeatable,
        Fire(Fire) = 0x14 -> u32,
        CallMe(CallMe) = 0x15 -> u32,
    }
}

/// One of many messages, which count from 0 in each direction since the last [`Count`] that began anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number(pub u32);

/// "How many numbers have come, in order and once?" The answer is `u32::MAX` once one did not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count;

/// "Send me so many numbers, from 0", answered at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendNumbers(pub u32);

/// "Twice this?", which may be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Double(pub u32);

/// "Do this once", answered by how often it has been done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fire(pub u32);

/// "Ask me to double so many numbers", answered by how many answers were right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallMe(pub u32);
