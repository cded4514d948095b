//! What a Windows list of rights says, written out as text (SDDL): whom it lets in.
//!
//! Pure, and compiled on every system; `platform::windows` has the system write it. The form is Microsoft's
//! "Security Descriptor String Format" and "ACE Strings".

/// The system itself, which gets everywhere, as root does elsewhere.
const SYSTEM: [&str; 2] = ["SY", "S-1-5-18"];
/// "Whoever owns it": of use only where the owner is the user.
const OWNER: [&str; 2] = ["OW", "S-1-3-4"];
/// The administrators of the computer.
const ADMINISTRATORS: [&str; 2] = ["BA", "S-1-5-32-544"];
/// What installs Windows' own parts (`NT SERVICE\TrustedInstaller`): it owns many files of the system.
const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

/// The rights by which a file can become another one, as bits of Windows' access mask (`winnt.h`): write its
/// data 0x2, append 0x4, write its extended attributes 0x10, delete what is in it 0x40, write its attributes 0x100;
/// delete it 0x1_0000, write its list 0x4_0000 or its owner 0x8_0000; everything 0x1000_0000, write 0x4000_0000.
const WRITES: u32 = 0x500D_0156;
/// The short forms of rights: those of files, the general and the standard ones ("ACE Strings").
const RIGHTS: [(&str, u32); 12] = [
    ("FA", 0x001F_01FF),
    ("FR", 0x0012_0089),
    ("FW", 0x0012_0116),
    ("FX", 0x0012_00A0),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
    ("RC", 0x0002_0000),
    ("SD", 0x0001_0000),
    ("WD", 0x0004_0000),
    ("WO", 0x0008_0000),
];

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

/// Whether nobody but this user, the administrators and the system may change a file: it belongs to one of them, and
/// whoever else is let in may only read and run it. What cannot be read as such a descriptor is not trusted.
pub fn only_trusted_write(sddl: &str, user: &str) -> bool {
    let trusted = |sid: &str| {
        is(sid, user) || SYSTEM.contains(&sid) || ADMINISTRATORS.contains(&sid) || sid == TRUSTED_INSTALLER
    };
    let Some(owner) = section(sddl, 'O') else { return false };
    let Some(list) = section(sddl, 'D') else { return false };
    if !trusted(owner) || list.contains("NO_ACCESS_CONTROL") {
        return false;
    }
    // An empty list lets nobody in; but we hold the file open, so it is none that we understand.
    let Some(entries) = entries(list).filter(|entries| !entries.is_empty()) else { return false };
    entries.iter().all(|entry| {
        let fields: Vec<&str> = entry.split(';').collect();
        let [kind, flags, rights, _, _, sid] = fields.as_slice() else { return false };
        match *kind {
            "D" => true,
            // Only for what is made in a folder, not for the thing itself.
            "A" if pairs(flags).is_some_and(|mut flags| flags.any(|flag| flag == "IO")) => true,
            "A" => trusted(sid) || OWNER.contains(sid) || mask(rights).is_some_and(|mask| mask & WRITES == 0),
            // A conditional entry, or one of a kind that files do not have.
            _ => false,
        }
    })
}

/// The rights of an entry, as bits: a number, or short forms one after the other.
fn mask(rights: &str) -> Option<u32> {
    if let Some(number) = rights.strip_prefix("0x") {
        return number
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(number, 16).ok())
            .flatten();
    }
    pairs(rights)?
        .try_fold(0, |mask, pair| RIGHTS.iter().find(|(name, _)| *name == pair).map(|(_, bits)| mask | bits))
}

/// A text of two letters each.
fn pairs(text: &str) -> Option<impl Iterator<Item = &str>> {
    let fits = text.is_ascii() && text.len().is_multiple_of(2);
    fits.then(|| (0..text.len()).step_by(2).map(|at| &text[at..at + 2]))
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
    fn who_may_change_a_file() {
        let installer = TRUSTED_INSTALLER;
        for (what, expected, sddl) in [
            (
                "installed into a profile",
                true,
                "O:~G:S-1-5-21-1-2-3-513D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;~)",
            ),
            (
                "put into %ProgramData% by the system",
                true,
                "O:SYG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)",
            ),
            ("by numbers", true, "O:S-1-5-32-544D:(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)"),
            ("of Windows itself", true, "O:^D:PAI(A;;FA;;;^)(A;;0x1200a9;;;BA)(A;;0x1200a9;;;AC)"),
            ("as Wine shows 0755", true, "O:~G:~D:(A;;FA;;;SY)(A;;FA;;;~)(A;;0x1200a9;;;WD)"),
            ("everybody reads and runs", true, "O:BAD:(A;;FRFX;;;WD)(A;;GRGX;;;AU)(A;;RC;;;WD)"),
            ("the owner's right", true, "O:~D:P(A;;FA;;;OW)"),
            ("somebody denied", true, "O:~D:P(D;;FA;;;WD)(A;;FA;;;~)"),
            ("for what is made in it", true, "O:~D:P(A;;FA;;;~)(A;OICIIO;GA;;;CO)(A;CIIOID;GA;;;WD)"),
            ("nothing granted", true, "O:~D:P(A;;FA;;;~)(A;;;;;WD)"),
            (
                "a full list handed down by another",
                false,
                "O:SYD:AI(A;ID;FA;;;S-1-5-21-1-2-3-1002)(A;ID;FA;;;SY)",
            ),
            ("modify for who is logged on", false, "O:~D:AI(A;ID;0x1301bf;;;AU)(A;ID;FA;;;~)"),
            ("everything for everybody", false, "O:~D:(A;;FA;;;WD)"),
            ("writing data", false, "O:~D:(A;;FA;;;~)(A;;0x2;;;BU)"),
            ("appending", false, "O:~D:(A;;FA;;;~)(A;;0x4;;;BU)"),
            ("extended attributes", false, "O:~D:(A;;FA;;;~)(A;;0x10;;;BU)"),
            ("deleting what is in it", false, "O:~D:(A;;FA;;;~)(A;;0x40;;;BU)"),
            ("attributes", false, "O:~D:(A;;FA;;;~)(A;;0x100;;;BU)"),
            ("deleting", false, "O:~D:(A;;FA;;;~)(A;;SD;;;BU)"),
            ("its list", false, "O:~D:(A;;FA;;;~)(A;;FRWD;;;BU)"),
            ("its owner", false, "O:~D:(A;;FA;;;~)(A;;0x80000;;;BU)"),
            ("writing in general", false, "O:~D:(A;;FA;;;~)(A;;GRGW;;;BU)"),
            ("everything in general", false, "O:~D:(A;;FA;;;~)(A;;0x10000000;;;BU)"),
            ("IO across two flags", false, "O:~D:(A;CIOI;FA;;;WD)(A;;FA;;;~)"),
            ("rights of another kind", false, "O:~D:(A;;FA;;;~)(A;;CCDC;;;WD)"),
            ("half a right", false, "O:~D:(A;;FA;;;~)(A;;FRF;;;WD)"),
            ("no number", false, "O:~D:(A;;FA;;;~)(A;;0x+1;;;WD)(A;;0x;;;WD)"),
            ("too large a number", false, "O:~D:(A;;FA;;;~)(A;;0x100000000;;;WD)"),
            ("another kind of entry", false, "O:~D:(A;;FA;;;~)(OA;;FR;;;WD)"),
            ("a condition", false, r#"O:~D:(A;;FA;;;~)(XA;;FR;;;WD;(Title=="VP"))"#),
            ("a condition that denies", false, r#"O:~D:(XD;;FA;;;WD;(Title=="VP"))(A;;FA;;;~)"#),
            ("a condition without parentheses", false, "O:~D:(A;;FA;;;~)(XA;;FR;;;WD;x)"),
            ("somebody else's", false, "O:S-1-5-21-1-2-3-1002D:P(A;;FA;;;~)"),
            ("a user whose number begins the same", false, "O:~0D:P(A;;FA;;;~)"),
            ("of the group of users", false, "O:BUD:P(A;;FA;;;~)"),
            ("no owner", false, "D:P(A;;FA;;;~)"),
            ("no list", false, "O:~"),
            ("no list at all", false, "O:~D:NO_ACCESS_CONTROL"),
            ("an empty list", false, "O:~D:P"),
            ("cut off", false, "O:~D:P(A;;FA;;;~"),
            ("too short an entry", false, "O:~D:P(A;;FA)"),
            ("letters of two bytes", false, "O:~D:P(A;;FA;;;~)(A;;é;;;WD)(A;é;FR;;;WD)"),
            ("nothing", false, ""),
        ] {
            let sddl = sddl.replace('~', ANNA).replace('^', installer);
            assert_eq!(only_trusted_write(&sddl, ANNA), expected, "{what}");
        }
        assert!(only_trusted_write("O:LAD:AI(A;ID;FA;;;SY)(A;ID;FA;;;LA)", ADMINISTRATOR));
        assert!(!only_trusted_write("O:LAD:AI(A;ID;FA;;;SY)(A;ID;FA;;;LA)", ANNA));
    }

    #[test]
    fn nonsense_is_open_and_breaks_nothing() {
        let whole = format!("O:{ANNA}G:BAD:PAI(A;;FA;;;{ANNA})S:(ML;;NW;;;ME)");
        for end in 0..whole.len() {
            for part in [&whole[..end], &whole[end..]] {
                only_this_user(part, ANNA);
                only_trusted_write(part, ANNA);
            }
        }
        for nonsense in [":", "::", "D:)(", "O:D:", "(((((", "D:(A;;;;;)", "Ö:Ä"] {
            assert!(!only_this_user(nonsense, ANNA), "{nonsense}");
            assert!(!only_trusted_write(nonsense, ANNA), "{nonsense}");
        }
    }
}
