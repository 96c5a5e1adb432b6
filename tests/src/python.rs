//! Python programs as peers.
