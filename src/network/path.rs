//! How far along the way to a reflector voice is still well.
//!
//! Owns what kind of point answers (`kind`), what became of the packets for each (`figures`), the echoes that are sent
//! beside the stream (`beside`) and this computer's own traffic (`traffic`). The packets in the stream's own flow are
//! the stream's. Must not judge; no address leaves this module but to be compared.

mod beside;
mod figures;
mod kind;
#[cfg(unix)]
pub mod ping;
mod traffic;

pub use beside::{Ask, Beside, Sampled};
pub use figures::{Points, hop, placed, rates};
pub use kind::{Own, kinds};
pub use traffic::{Meter, Traffic};
