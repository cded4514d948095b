//! Placeholders: `{region}` and `{domain}` in hosts and URLs stand for what the chosen region says.

use super::Region;

/// Puts the region's words in. The message says what is wrong.
pub(super) fn expand(text: &str, region: Option<&Region>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        out.push_str(&rest[..open]);
        let inside = rest[open..].strip_prefix('{').and_then(|r| r.split_once('}'));
        let Some((name, after)) = inside else {
            return Err(
                "has a brace without its other half; {region} and {domain} are what may stand in braces"
                    .into(),
            );
        };
        out.push_str(value(name, region)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn value<'a>(name: &str, region: Option<&'a Region>) -> Result<&'a str, String> {
    let needs_region = || format!("holds {{{name}}}, but the profile has no regions");
    match name {
        "region" => region.map(|r| r.id.as_str()).ok_or_else(needs_region),
        "domain" => {
            let region = region.ok_or_else(needs_region)?;
            let none = || format!("holds {{domain}}, but region '{}' has no domain", region.id);
            region.domain.as_deref().ok_or_else(none)
        }
        // What was written is in the message already.
        _ => Err("holds braces around something else than {region} or {domain}".into()),
    }
}
