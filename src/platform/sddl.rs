//! What a Windows list of rights says, written out as text (SDDL): whom it lets in.
//!
//! Pure, and compiled on every system; `platform::windows` has the system write it. The form is Microsoft's
//! "Security Descriptor String Format" and "ACE Strings".

/// The system itself, which gets everywhere, as root does elsewhere.
const SYSTEM: [&str; 2] = ["SY", "S-1-5-18"];
/// "Whoever owns it": of use only where the owner is the user.
const OWNER: [&str; 2] = ["OW", "S-1-3-4"];

/// Whether a descriptor belongs to this user and lets nobody else in but the system itself. What cannot be read
/// as such a descriptor is open.
pub fn only_this_user(sddl: &str, user: &str) -> bool {
    let Some(owner) = section(sddl, 'O') else { return false };
    let Some(list) = section(sddl, 'D') else { return false };
    // No list at all lets everybody in; an empty one nobody.
    if !is(owner, user) || list.contains("NO_ACCESS_CONTROL") {
        return false;
    }
    let Some(entries) = entries(list) else { return false };
    entries.iter().all(|entry| {
        let fields: Vec<&str> = entry.split(';').collect();
        match fields.as_slice() {
            // Whom an entry denies it lets in nowhere.
            ["D" | "OD" | "XD", ..] => true,
            [_, _, _, _, _, sid, ..] => is(sid, user) || SYSTEM.contains(sid) || OWNER.contains(sid),
            _ => false,
        }
    })
}

/// The text of a section: from its letter and colon to the next one's, or to the end.
fn section(sddl: &str, letter: char) -> Option<&str> {
    let mut depth = 0i32;
    let mut begin = None;
    let bytes = sddl.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            // A colon within an entry belongs to a condition.
            b':' if depth == 0 && at > 0 => {
                if let Some(begin) = begin {
                    return sddl.get(begin..at - 1);
                }
                begin = (bytes[at - 1] == letter as u8).then_some(at + 1);
            }
            _ => {}
        }
    }
    begin.and_then(|begin| sddl.get(begin..))
}

/// What is between the parentheses, one entry after the other, after the list's flags.
fn entries(list: &str) -> Option<Vec<&str>> {
    let Some(begin) = list.find('(') else { return Some(Vec::new()) };
    let mut rest = &list[begin..];
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = rest.strip_prefix('(')?.split_once(')')?;
        // A condition has parentheses of its own; we never make one, and take none apart.
        if entry.contains('(') {
            return None;
        }
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

/// Whether a SID, or the two letters that stand for it, is this user's.
fn is(sid: &str, user: &str) -> bool {
    // The built-in administrator's number is 500 on every computer, and the system writes it in short.
    sid == user || (sid == "LA" && user.starts_with("S-1-5-21-") && user.ends_with("-500"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "S-1-5-21-1004336348-1177238915-682003330-1001";
    const ADMINISTRATOR: &str = "S-1-5-21-1004336348-1177238915-682003330-500";

    #[test]
    fn whom_a_list_lets_in() {
        for (what, expected, sddl) in [
            ("what Preshift makes", true, "O:~D:P(A;OICI;FA;;;~)"),
            ("the same by the owner's right", true, "O:~D:P(A;OICI;FA;;;OW)"),
            ("with group and labels", true, "O:~G:BAD:PAI(A;;FA;;;~)S:(ML;;NW;;;ME)"),
            (
                "the system as well, as Wine shows it",
                true,
                "O:~G:S-1-5-21-0-0-0-513D:(A;;FA;;;~)(A;;FA;;;SY)",
            ),
            ("nobody", true, "O:~D:P"),
            ("somebody denied", true, "O:~D:P(D;;FA;;;WD)(A;;FA;;;~)"),
            (
                "a folder as Windows makes it",
                false,
                "O:~D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;~)",
            ),
            ("everybody", false, "O:~D:(A;;FR;;;WD)(A;;FA;;;~)"),
            ("another user", false, "O:~D:P(A;;FA;;;S-1-5-21-1-2-3-1002)"),
            ("somebody else's", false, "O:BAD:P(A;;FA;;;~)"),
            ("by the owner's right, somebody else's", false, "O:BAD:P(A;;FA;;;OW)"),
            ("no list", false, "O:~"),
            ("no list at all", false, "O:~D:NO_ACCESS_CONTROL"),
            ("no owner", false, "D:P(A;;FA;;;~)"),
            ("a condition", false, r#"O:~D:P(XA;;FA;;;WD;(Title=="VP"))(A;;FA;;;~)"#),
            ("cut off", false, "O:~D:P(A;;FA;;;~"),
            ("too short an entry", false, "O:~D:P(A;;FA)"),
            ("nothing", false, ""),
        ] {
            assert_eq!(only_this_user(&sddl.replace('~', ANNA), ANNA), expected, "{what}");
        }
    }

    #[test]
    fn the_built_in_administrator_is_written_in_short() {
        assert!(only_this_user("O:LAD:P(A;OICI;FA;;;LA)", ADMINISTRATOR));
        assert!(!only_this_user("O:LAD:P(A;OICI;FA;;;LA)", ANNA));
    }

    #[test]
    fn nonsense_is_open_and_breaks_nothing() {
        let whole = format!("O:{ANNA}G:BAD:PAI(A;;FA;;;{ANNA})S:(ML;;NW;;;ME)");
        for end in 0..whole.len() {
            only_this_user(&whole[..end], ANNA);
            only_this_user(&whole[end..], ANNA);
        }
        for nonsense in [":", "::", "D:)(", "O:D:", "(((((", "D:(A;;;;;)", "Ö:Ä"] {
            assert!(!only_this_user(nonsense, ANNA), "{nonsense}");
        }
    }
}
