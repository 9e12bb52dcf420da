//! Names: from keys to what an archive may safely say to a reader, and of the file it is saved as.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

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

/// Whether a name may stay as it is: none of what [`entry_name`] takes out is in it.
pub(super) fn is_safe(name: &str) -> bool {
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

/// Makes names unique, in the order of the entries: `a.jpg`, `a (2).jpg`, `a (3).jpg`. A file is not
/// called like a folder either: no reader could unpack both.
pub struct Unique {
    /// The folders that names lie in or stand for, without their last slash.
    folders: HashSet<String>,
    /// The names given out.
    given: HashSet<String>,
    /// By name, the number that its next double tries first.
    next: HashMap<String, u32>,
}

impl Unique {
    /// For these names, of which each will be claimed.
    pub fn new<N: AsRef<str>>(names: impl Iterator<Item = N>) -> Self {
        let mut folders = HashSet::new();
        for name in names {
            let name = name.as_ref();
            // From the longest: where one is known, so are those above it.
            for (at, _) in name.rmatch_indices('/') {
                if folders.contains(&name[..at]) {
                    break;
                }
                folders.insert(name[..at].to_owned());
            }
        }
        Self { folders, given: HashSet::new(), next: HashMap::new() }
    }

    /// `name`, or the first variation of it that is still free.
    pub fn claim(&mut self, name: &str) -> String {
        let mut claimed = name.to_owned();
        if !self.is_free(name) {
            let mut count = self.next.get(name).copied().unwrap_or(2);
            claimed = numbered(name, count);
            while !self.is_free(&claimed) {
                count += 1;
                claimed = numbered(name, count);
            }
            self.next.insert(name.to_owned(), count + 1);
        }
        if let Some(folder) = claimed.strip_suffix('/') {
            self.folders.insert(folder.to_owned());
        }
        self.given.insert(claimed.clone());
        claimed
    }

    fn is_free(&self, name: &str) -> bool {
        let other = match name.strip_suffix('/') {
            Some(folder) => self.given.contains(folder),
            None => self.folders.contains(name),
        };
        !other && !self.given.contains(name)
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
    attached(stem.map_or(name, |at| &name[..at]), "archive", ".zip")
}

/// `Content-Disposition` for a file saved under `name`, or as `otherwise` if nothing is left of that; `extension`
/// follows, and is plain.
pub fn attached(name: &str, otherwise: &str, extension: &str) -> String {
    let name = file_name(name, otherwise);
    let ascii: String = name.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{ascii}{extension}\"; filename*=UTF-8''{encoded}{extension}")
}

/// A name that any file system takes.
fn file_name(name: &str, otherwise: &str) -> String {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let mut safe = name.replace(forbidden, "_");
    let mut end = safe.len().min(FILE_NAME_LIMIT);
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    safe.truncate(end);
    let trimmed = safe.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if trimmed.is_empty() { otherwise.to_owned() } else { trimmed.to_owned() }
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
        for (names, expected) in [
            (
                ["a.jpg", "a.jpg", "a (2).jpg", "d/", "d/", ".x", ".x"],
                ["a.jpg", "a (2).jpg", "a (2) (2).jpg", "d/", "d (2)/", ".x", ".x (2)"],
            ),
            (
                ["d", "d (2)", "d/", "d/x", "d/x", "d/x/y", "e"],
                ["d (2)", "d (2) (2)", "d/", "d/x (2)", "d/x (3)", "d/x/y", "e"],
            ),
        ] {
            let mut unique = Unique::new(names.iter());
            assert_eq!(names.map(|name| unique.claim(name)), expected);
        }
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
