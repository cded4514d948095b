//! Whether the connection is paid for by the megabyte. macOS tells it of paths of Network.framework only
//! (`nw_path_is_expensive`), which this program does not link: unknown, but for a mobile network, which its kind says.

/// Not known here.
pub fn metered() -> Option<bool> {
    None
}
