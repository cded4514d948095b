//! Who is signed in to the board.
//!
//! A session is a random id in a cookie that scripts cannot read and other sites cannot send; its
//! hash is kept in memory only. It ends with the token it was opened with.

use crate::{
    clock::HOUR,
    limits::{Bucket, Rate},
    secret,
};
use std::{collections::HashMap, sync::Mutex, time::Instant};
use telemetry::UnixMs;

/// How long one stays signed in: a working day.
const LASTS: i64 = 12 * HOUR;
/// Most sessions at a time.
const MOST: usize = 1_000;

/// The signed-in browsers.
pub struct Sessions {
    /// Whether the cookie may travel over HTTPS only.
    secure: bool,
    open: Mutex<HashMap<[u8; 32], Open>>,
    failures: Mutex<Bucket>,
    rate: Rate,
}

struct Open {
    until: UnixMs,
    /// Hash of the admin token, in hex, as it was then.
    token: String,
}

impl Sessions {
    /// Nobody is signed in.
    pub fn new(secure: bool, rate: Rate) -> Self {
        let failures = Mutex::new(Bucket::full(rate, Instant::now()));
        Self { secure, open: Mutex::default(), failures, rate }
    }

    /// Whether another failed sign-in may be tried at all.
    pub fn may_try(&self) -> bool {
        self.failures.lock().expect("nothing panics with it held").has(self.rate, Instant::now())
    }

    /// Counts a failed sign-in.
    pub fn failed(&self) {
        self.failures.lock().expect("nothing panics with it held").take(self.rate, Instant::now());
    }

    /// Opens a session and returns the cookie to set.
    pub fn open(&self, token_hash: String, now: UnixMs) -> Result<String, secret::NoRandom> {
        let id = secret::token()?;
        let mut open = self.open.lock().expect("nothing panics with it held");
        if open.len() >= MOST {
            open.clear();
        }
        open.insert(secret::hash(&id), Open { until: now.plus_ms(LASTS), token: token_hash });
        Ok(self.cookie(&id, LASTS / 1000))
    }

    /// Ends the session of this cookie, and returns the cookie that removes it.
    pub fn close(&self, cookies: &str) -> String {
        if let Some(id) = self.id(cookies) {
            self.open.lock().expect("nothing panics with it held").remove(&secret::hash(id));
        }
        self.cookie("", 0)
    }

    /// Whether these cookies hold a session that was opened with the present token.
    pub fn is_open(&self, cookies: &str, token_hash: &str, now: UnixMs) -> bool {
        let Some(id) = self.id(cookies) else { return false };
        let open = self.open.lock().expect("nothing panics with it held");
        open.get(&secret::hash(id)).is_some_and(|s| s.until > now && s.token == token_hash)
    }

    /// Forgets sessions that have run out.
    pub fn forget_old(&self, now: UnixMs) {
        self.open.lock().expect("nothing panics with it held").retain(|_, s| s.until > now);
    }

    /// The prefix makes a browser refuse the cookie from any other host or over plain HTTP.
    fn name(&self) -> &'static str {
        if self.secure { "__Host-preshift" } else { "preshift" }
    }

    fn cookie(&self, id: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.name())
    }

    fn id<'c>(&self, cookies: &'c str) -> Option<&'c str> {
        cookies.split(';').find_map(|c| c.trim().strip_prefix(self.name())?.strip_prefix('='))
    }
}
