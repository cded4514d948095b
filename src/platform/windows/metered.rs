//! Whether the connection is paid for by the megabyte, as Windows' settings and the provider say.

use crate::network::metered::of_windows;
use windows::Win32::{
    Networking::NetworkListManager::{INetworkCostManager, NetworkListManager},
    System::Com::{CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize},
};

/// The cost of the connection to the internet. `None` where Windows does not tell. Blocks.
pub fn metered() -> Option<bool> {
    // SAFETY: ended below, on this thread, if it began here; a thread that has COM of another kind keeps it.
    let began = unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) }.is_ok();
    let cost = cost();
    if began {
        // SAFETY: every interface of `cost` is gone, and this ends what began above.
        unsafe { CoUninitialize() };
    }
    of_windows(cost?)
}

fn cost() -> Option<u32> {
    let mut cost = 0;
    // SAFETY: COM began on this thread; there is room for the number, and no address means the way to the internet.
    unsafe {
        let manager: INetworkCostManager = CoCreateInstance(&NetworkListManager, None, CLSCTX_ALL).ok()?;
        manager.GetCost(&raw mut cost, std::ptr::null()).ok()?;
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    #[test]
    fn asking_ends() {
        super::metered();
    }
}
