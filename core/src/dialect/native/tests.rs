mod filed;
#[cfg(feature = "serial")]
mod lined;
mod opening;
mod requests;
mod rig;
#[cfg(feature = "secure")]
mod secured;
mod sessions;
mod vectors;

use super::{Config, Native, Notice, Opening};
