//! Signed requests between a desk and its collector: one canonical form.
//!
//! HTTP Message Signatures (RFC 9421) with Ed25519 over method, path, content digest
//! (RFC 9530), content encoding and Preshift's own sequence header. Owns the form, the key type and
//! their checks. It must not decide who may do what, and knows no clock: a desk's clock may be
//! years off, so `created` is carried for people who look into a case, and a replay is
//! recognised by the identity of the reports it carries.
//!
//! The form is deliberately narrower than the RFC: one label, one order of components and
//! parameters. Both ends are ours, and what cannot be written in two ways cannot be read in two.

mod form;
mod key;
mod signed;

pub use form::{Request, header, sign};
pub use key::{KeyError, SigningKey};
pub use signed::{SignatureError, Signed};
