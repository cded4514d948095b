//! Asks CoreAudio for properties of its objects.
//!
//! Source: CoreAudio.framework, `AudioHardware.h` and `AudioHardwareBase.h` (by objc2-core-audio, which
//! is generated from them): `AudioObjectGetPropertyData` and `…GetPropertyDataSize` take the object, the
//! address of the property (selector, scope, element), no qualifier for all that is asked here, and a
//! size that they write back. 0 (`kAudioHardwareNoError`) is success. They may be called from any thread.

use objc2_core_audio::{
    AudioObjectGetPropertyData, AudioObjectGetPropertyDataSize, AudioObjectID, AudioObjectPropertyAddress,
    AudioObjectPropertyScope, AudioObjectPropertySelector, kAudioObjectPropertyElementMain,
    kAudioObjectPropertyScopeGlobal,
};
use objc2_core_foundation::{CFRetained, CFString};
use std::ptr::{NonNull, null, null_mut};

/// The most things of one kind that are asked for.
const MOST: usize = 512;

/// The scope of what belongs to a whole object.
pub(super) const GLOBAL: AudioObjectPropertyScope = kAudioObjectPropertyScopeGlobal;

/// Which property of which object.
#[derive(Clone, Copy)]
pub(super) struct Property {
    object: AudioObjectID,
    address: AudioObjectPropertyAddress,
}

/// Numbers that a property may have.
pub(super) trait Plain: Copy + Default {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for f32 {}
impl Plain for f64 {}

impl Property {
    /// Of the whole object in a scope.
    pub(super) fn new(
        object: AudioObjectID,
        selector: AudioObjectPropertySelector,
        scope: AudioObjectPropertyScope,
    ) -> Self {
        let address = AudioObjectPropertyAddress {
            mSelector: selector,
            mScope: scope,
            mElement: kAudioObjectPropertyElementMain,
        };
        Self { object, address }
    }

    /// The same of one channel; 0 is the whole.
    pub(super) fn element(mut self, element: u32) -> Self {
        self.address.mElement = element;
        self
    }

    /// A number.
    pub(super) fn value<T: Plain>(self) -> Option<T> {
        let (mut out, mut size) = (T::default(), size_of::<T>() as u32);
        // SAFETY: the place for the number has the size that is given.
        let status = unsafe { self.read(&mut size, NonNull::from(&mut out).cast()) };
        (status == 0 && size as usize == size_of::<T>()).then_some(out)
    }

    /// A text. Of those asked for here the header says that the caller is responsible for releasing it.
    pub(super) fn text(self) -> Option<String> {
        let mut string: *mut CFString = null_mut();
        let mut size = size_of::<*mut CFString>() as u32;
        // SAFETY: what is written is a pointer, and there is room for one.
        let status = unsafe { self.read(&mut size, NonNull::from(&mut string).cast()) };
        if status != 0 {
            return None;
        }
        // SAFETY: it came with a reference that is ours to release.
        NonNull::new(string).map(|string| unsafe { CFRetained::from_raw(string) }.to_string())
    }

    /// Other objects; `None` if the property is not there.
    pub(super) fn objects(self) -> Option<Vec<AudioObjectID>> {
        let mut size = 0u32;
        // SAFETY: the address and the size outlive the call.
        let status = unsafe {
            AudioObjectGetPropertyDataSize(
                self.object,
                NonNull::from(&self.address),
                0,
                null(),
                NonNull::from(&mut size),
            )
        };
        if status != 0 {
            return None;
        }
        let mut list = vec![0; (size as usize / size_of::<AudioObjectID>()).min(MOST)];
        if list.is_empty() {
            return Some(list);
        }
        let mut size = size_of_val(list.as_slice()) as u32;
        // SAFETY: the list has room for `size` bytes.
        let status = unsafe { self.read(&mut size, NonNull::from(list.as_mut_slice()).cast()) };
        list.truncate(size as usize / size_of::<AudioObjectID>());
        (status == 0).then_some(list)
    }

    /// Calls the system.
    ///
    /// # Safety
    /// At `out` there must be room for `size` bytes.
    unsafe fn read(&self, size: &mut u32, out: NonNull<std::ffi::c_void>) -> i32 {
        // SAFETY: the address and the size outlive the call, which writes no more than `size` bytes to
        // where the caller vouches for.
        unsafe {
            AudioObjectGetPropertyData(
                self.object,
                NonNull::from(&self.address),
                0,
                null(),
                NonNull::from(size),
                out,
            )
        }
    }
}
