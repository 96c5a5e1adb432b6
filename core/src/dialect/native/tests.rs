mod opening;
mod rig;
#[cfg(feature = "secure")]
mod secured;
mod sessions;

use super::{Config, Native, Notice, Opening};
