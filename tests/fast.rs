//! Promises that need no process of their own: fakes on loopback, files, sockets.

#[path = "evidence.rs"]
mod evidence;
#[path = "expand.rs"]
mod expand;
