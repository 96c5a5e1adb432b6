mod opening;
mod rig;
mod sessions;

use super::{Config, Native, Notice, Opening};
