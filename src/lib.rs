//! hagen
