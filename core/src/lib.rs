#![no_std]
#![forbid(unsafe_code)]
//! Small typed messages between microcontrollers, Raspberry Pis and PCs.

#[cfg(test)]
extern crate std;

pub mod encoding;
