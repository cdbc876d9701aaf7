//! The kubernetes files.

pub(crate) mod common;

use super::Jobs;
use crate::blueprint::Blueprint;

/// All files of this part of the output.
pub fn jobs(_blueprint: &Blueprint, _jobs: &mut Jobs) {}
