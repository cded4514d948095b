//! The task of Windows' task scheduler, as XML of its schema 1.2 (Windows Vista and later).

use super::fit::{self, Unfit};
use std::path::Path;

/// Runs `program run` when the user with this SID logs on, for as long as the session lasts: on batteries too,
/// without a limit of time (`PT0S`), one at a time, with the rights of a normal program.
///
/// Priority 5 is a normal program's. The scheduler's own choice, 7, is for work in the background: below normal,
/// and reading slowly. It would spoil the even stream of packets, and call a busy computer what is not one
/// (Microsoft, "Priority (settingsType) Element": 4 to 6 are `NORMAL_PRIORITY_CLASS`).
///
/// The scheduler tries three times more if it cannot start the program; what ends later with a failure is
/// the launcher's to start again, for the scheduler calls that a success.
pub fn xml(user: &str, program: &Path, version: &str) -> Result<String, Unfit> {
    let (user, program, version) = (fit::xml(user), fit::xml(fit::text(program)?), fit::xml(version));
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>Preshift</Author>
    <Version>{version}</Version>
    <Description>Tells whether this desk is fit to take calls, before the shift starts. Switched by: preshift autostart on, preshift autostart off.</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="User">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>false</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="User">
    <Exec>
      <Command>{program}</Command>
      <Arguments>run</Arguments>
    </Exec>
  </Actions>
</Task>
"#
    ))
}

/// The program that a task starts, from its XML as the scheduler gives it back.
pub fn starts(xml: &str) -> Option<String> {
    let (_, after) = xml.split_once("<Command>")?;
    let (command, _) = after.split_once("</Command>")?;
    Some(fit::from_xml(command.trim()))
}

/// The command line of the Run key, for the same.
pub fn command_line(program: &Path) -> Result<String, Unfit> {
    // A path of Windows cannot hold a quote.
    Ok(format!("\"{}\" run", fit::text(program)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "S-1-5-21-1111111111-222222222-3333333333-1001";

    #[test]
    fn every_path_comes_back_as_it_was() {
        for path in fit::HOSTILE.iter().chain(&[r"C:\Users\Zoë & <Co>\AppData\Local\Programs\preshiftw.exe"])
        {
            let xml = xml(SID, Path::new(path), "0.1.0").unwrap();
            assert_eq!(starts(&xml).as_deref(), Some(*path));
            // Nothing in a path opens or closes an element.
            assert_eq!(xml.matches('<').count(), xml.matches('>').count());
            assert_eq!(xml.matches("<Command>").count(), 1);
            assert_eq!(xml.matches("<Exec>").count(), 1);
        }
        assert!(xml(SID, Path::new("C:\\a\nb"), "0.1.0").is_err());
    }

    #[test]
    fn the_task_runs_for_this_user_on_batteries_and_for_ever() {
        let xml = xml(SID, Path::new(r"C:\p\preshiftw.exe"), "0.1.0").unwrap();
        assert_eq!(xml.matches(&format!("<UserId>{SID}</UserId>")).count(), 2);
        for wanted in [
            "<LogonType>InteractiveToken</LogonType>",
            "<RunLevel>LeastPrivilege</RunLevel>",
            "<DisallowStartIfOnBatteries>false<",
            "<StopIfGoingOnBatteries>false<",
            "<ExecutionTimeLimit>PT0S<",
            "<MultipleInstancesPolicy>IgnoreNew<",
            "<Arguments>run</Arguments>",
            "<Priority>5</Priority>",
        ] {
            assert!(xml.contains(wanted), "{wanted}");
        }
    }

    #[test]
    fn a_foreign_task_is_read_as_far_as_it_says_something() {
        assert_eq!(starts("<Exec><Command> C:\\a &amp; b.exe </Command></Exec>").unwrap(), r"C:\a & b.exe");
        assert_eq!(starts(""), None);
        assert_eq!(starts("<Command>never closed"), None);
    }

    #[test]
    fn the_run_key_quotes_its_program() {
        let line = command_line(Path::new(r"C:\Program Files\p\preshiftw.exe")).unwrap();
        assert_eq!(line, r#""C:\Program Files\p\preshiftw.exe" run"#);
    }
}
