mod opening;
mod requests;
mod rig;
mod sessions;

use super::{Config, Native, Notice, Opening};
