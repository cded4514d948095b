//! Windows' task scheduler, by the interface that `schtasks.exe` stands on: it tells a task that is
//! missing from one that may not be read, in no language, and needs no program to be started.

use crate::autostart::NAME;
use std::{sync::mpsc, thread, time::Duration};
use windows::{
    Win32::{
        Foundation::{ERROR_FILE_NOT_FOUND, VARIANT_TRUE},
        System::{
            Com::{
                CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
            },
            TaskScheduler::{
                ITaskFolder, ITaskService, TASK_CREATE_OR_UPDATE, TASK_LOGON_INTERACTIVE_TOKEN, TaskScheduler,
            },
            Variant::VARIANT,
        },
    },
    core::{BSTR, HRESULT},
};

/// The service answers at once or is stuck.
const DEADLINE: Duration = Duration::from_secs(15);
/// The folder that every user may write tasks to.
const FOLDER: &str = r"\";

/// A task as it is registered.
pub struct Task {
    /// Its XML, as the scheduler tells it.
    pub xml: String,
    /// Whether it will be started.
    pub enabled: bool,
}

/// Registers our task for the user of its XML, in place of one that is there.
pub fn register(xml: String) -> Result<(), String> {
    with_folder(move |folder| {
        let nothing = VARIANT::default();
        // SAFETY: the interface lives through the call, and every argument is valid and ours.
        unsafe {
            folder.RegisterTask(
                &NAME.into(),
                &BSTR::from(xml.as_str()),
                TASK_CREATE_OR_UPDATE.0,
                &nothing,
                &nothing,
                TASK_LOGON_INTERACTIVE_TOKEN,
                &nothing,
            )
        }
        .map(drop)
    })
}

/// Starts our task now.
pub fn start() -> Result<(), String> {
    // SAFETY: both interfaces live through their calls; the argument is empty, as it may be.
    with_folder(|folder| unsafe { folder.GetTask(&NAME.into())?.Run(&VARIANT::default()).map(drop) })
}

/// Removes our task. Says whether there was one.
pub fn remove() -> Result<bool, String> {
    // SAFETY: the interface lives through the call; the flags are reserved.
    with_folder(|folder| found(unsafe { folder.DeleteTask(&NAME.into(), 0) })).map(|t| t.is_some())
}

/// Our task, if there is one.
pub fn find() -> Result<Option<Task>, String> {
    with_folder(|folder| {
        // SAFETY: the interface lives through the call.
        let Some(task) = found(unsafe { folder.GetTask(&NAME.into()) })? else { return Ok(None) };
        // SAFETY: the interface lives through both calls.
        let (xml, enabled) = unsafe { (task.Xml()?, task.Enabled()?) };
        Ok(Some(Task { xml: xml.to_string(), enabled: enabled == VARIANT_TRUE }))
    })
}

/// Something that is missing is no error.
fn found<T>(result: windows::core::Result<T>) -> windows::core::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.code() == HRESULT::from_win32(ERROR_FILE_NOT_FOUND.0) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Does something in the scheduler's folder, on a thread of its own: a service that hangs costs that thread.
fn with_folder<T: Send + 'static>(
    work: impl FnOnce(&ITaskFolder) -> windows::core::Result<T> + Send + 'static,
) -> Result<T, String> {
    let (to, from) = mpsc::channel();
    thread::spawn(move || {
        let done = on_this_thread(work).map_err(|e| {
            let words = e.message();
            if words.is_empty() { format!("error {:#010x}", e.code().0) } else { words }
        });
        let _ = to.send(done);
    });
    from.recv_timeout(DEADLINE).unwrap_or_else(|_| Err("the task scheduler does not answer".into()))
}

fn on_this_thread<T>(
    work: impl FnOnce(&ITaskFolder) -> windows::core::Result<T>,
) -> windows::core::Result<T> {
    struct Com;
    impl Drop for Com {
        fn drop(&mut self) {
            // SAFETY: of the thread that initialised it, after every interface of it was released.
            unsafe { CoUninitialize() };
        }
    }
    // SAFETY: the thread is new and of ours; it is taken back by `Com`.
    unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) }.ok()?;
    let _com = Com;
    let nothing = VARIANT::default();
    // SAFETY: the class is the scheduler's, and the type the interface that it has.
    let service: ITaskService = unsafe { CoCreateInstance(&TaskScheduler, None, CLSCTX_INPROC_SERVER) }?;
    // SAFETY: the interface lives through the calls; empty arguments mean this computer and this user.
    let folder = unsafe {
        service.Connect(&nothing, &nothing, &nothing, &nothing)?;
        service.GetFolder(&FOLDER.into())?
    };
    work(&folder)
}
