//! Names: from keys to what an archive may safely say to a reader, and of the file it is saved as.

use std::borrow::Cow;
use std::collections::HashMap;

/// The longest `?name=` that is used, in bytes; most file systems take 255.
const FILE_NAME_LIMIT: usize = 200;

/// The name of an entry for the part of its key below the folder; empty for the folder itself.
///
/// Never absolute, no `.` or `..` segment, no backslash, no control character, no drive letter: none
/// of what makes a reader write outside of the place it unpacks to.
pub fn entry_name(relative: &str) -> Cow<'_, str> {
    if is_safe(relative) {
        return Cow::Borrowed(relative);
    }
    let segments = relative.split('/').filter(|segment| !segment.is_empty());
    let mut name = segments.map(safe_segment).collect::<Vec<_>>().join("/");
    if name.as_bytes().get(1) == Some(&b':') {
        name.replace_range(1..2, "_");
    }
    if relative.ends_with('/') && !name.is_empty() {
        name.push('/');
    }
    Cow::Owned(name)
}

fn is_safe(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    let inner = name.strip_suffix('/').unwrap_or(name);
    !drive && inner.split('/').all(|segment| !matches!(segment, "" | "." | "..") && !segment.contains(unsafe_character))
}

fn unsafe_character(character: char) -> bool {
    character == '\\' || character.is_control()
}

fn safe_segment(segment: &str) -> String {
    match segment {
        "." => "_".to_owned(),
        ".." => "__".to_owned(),
        segment => segment.replace(unsafe_character, "_"),
    }
}

/// Makes sanitised names unique, in the order of the entries: `a.jpg`, `a (2).jpg`, `a (3).jpg`.
#[derive(Default)]
pub struct Unique {
    /// Each name given out, and the number its next double tries first.
    taken: HashMap<String, u32>,
}

impl Unique {
    /// `name`, or the first variation of it that is still free.
    pub fn claim(&mut self, name: &str) -> String {
        let Some(mut count) = self.taken.get(name).copied() else {
            self.taken.insert(name.to_owned(), 2);
            return name.to_owned();
        };
        let candidate = loop {
            let candidate = numbered(name, count);
            count += 1;
            if !self.taken.contains_key(&candidate) {
                break candidate;
            }
        };
        self.taken.insert(name.to_owned(), count);
        self.taken.insert(candidate.clone(), 2);
        candidate
    }
}

fn numbered(name: &str, count: u32) -> String {
    let (body, slash) = name.strip_suffix('/').map_or((name, ""), |body| (body, "/"));
    let file = body.rfind('/').map_or(0, |at| at + 1);
    // A leading dot hides a file; it does not start an extension.
    let dot = body[file..].rfind('.').filter(|at| *at > 0).map_or(body.len(), |at| file + at);
    format!("{} ({count}){}{slash}", &body[..dot], &body[dot..])
}

/// `Content-Disposition` for an archive saved under `name` (RFC 6266; RFC 8187 for what is not ASCII).
pub fn disposition(name: &str) -> String {
    let stem =
        name.len().checked_sub(4).filter(|at| name.is_char_boundary(*at) && name[*at..].eq_ignore_ascii_case(".zip"));
    let stem = file_name(stem.map_or(name, |at| &name[..at]));
    let ascii: String = stem.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let encoded = percent_encoding::utf8_percent_encode(&stem, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{ascii}.zip\"; filename*=UTF-8''{encoded}.zip")
}

/// A name that any file system takes.
fn file_name(name: &str) -> String {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let mut safe = name.replace(forbidden, "_");
    let mut end = safe.len().min(FILE_NAME_LIMIT);
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    safe.truncate(end);
    let trimmed = safe.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if trimmed.is_empty() { "archive".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Unique, disposition, entry_name};

    #[test]
    fn names_cannot_leave_the_folder() {
        for (key, name) in [
            ("a/b.jpg", "a/b.jpg"),
            ("a/", "a/"),
            ("../../etc/passwd", "__/__/etc/passwd"),
            ("/abs", "abs"),
            ("a//b", "a/b"),
            ("a\\..\\b", "a_.._b"),
            ("C:/x", "C_/x"),
            ("nul\0.jpg", "nul_.jpg"),
            ("./x", "_/x"),
            ("a..b", "a..b"),
            ("", ""),
            ("//", ""),
        ] {
            assert_eq!(entry_name(key), name, "{key:?}");
        }
    }

    #[test]
    fn duplicates_are_numbered_before_the_extension() {
        let mut unique = Unique::default();
        let claimed: Vec<_> = ["a.jpg", "a.jpg", "a (2).jpg", "d/", "d/", ".x", ".x"].map(|n| unique.claim(n)).into();
        assert_eq!(claimed, ["a.jpg", "a (2).jpg", "a (2) (2).jpg", "d/", "d (2)/", ".x", ".x (2)"]);
    }

    #[test]
    fn a_download_has_a_name_that_every_system_takes() {
        assert_eq!(disposition("x"), "attachment; filename=\"x.zip\"; filename*=UTF-8''x.zip");
        assert_eq!(disposition("été.ZIP"), "attachment; filename=\"_t_.zip\"; filename*=UTF-8''%C3%A9t%C3%A9.zip");
        assert_eq!(disposition("..\r\n\"/"), "attachment; filename=\"____.zip\"; filename*=UTF-8''%5F%5F%5F%5F.zip");
        assert_eq!(disposition(" . "), "attachment; filename=\"archive.zip\"; filename*=UTF-8''archive.zip");
        assert!(disposition(&"é".repeat(1000)).len() < 1000);
    }
}
