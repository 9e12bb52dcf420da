//! Where a business's files go.

use crate::error::Error;

/// The longest key of an object, in bytes (S3 user guide, "object keys").
const KEY_LIMIT: usize = 1024;

/// `{prefix}{store_path}/{file_name}`, where `prefix` is a business's own and trusted. Empty segments go.
///
/// # Errors
/// 400 for `.` and `..`, control characters, backslashes, a file name that is empty or has a slash, and a key that is
/// too long.
pub fn destination(prefix: &str, store_path: &str, file_name: &str) -> Result<String, Error> {
    let mut key = prefix.to_owned();
    for segment in store_path.split('/').filter(|segment| !segment.is_empty()) {
        check(segment)?;
        key.push_str(segment);
        key.push('/');
    }
    if file_name.is_empty() || file_name.contains('/') {
        return Err(Error::invalid("The file name is empty or has a slash."));
    }
    check(file_name)?;
    key.push_str(file_name);
    if key.len() > KEY_LIMIT {
        return Err(Error::invalid("The path is too long."));
    }
    Ok(key)
}

fn check(segment: &str) -> Result<(), Error> {
    let plain = !matches!(segment, "." | "..") && !segment.contains(|c: char| c.is_control() || c == '\\');
    if plain { Ok(()) } else { Err(Error::invalid("A part of the path is not allowed.")) }
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn a_file_stays_below_its_prefix() {
        let made = |path, name| destination("demo/", path, name).ok();
        assert_eq!(made("/a//b/", "c d.txt").as_deref(), Some("demo/a/b/c d.txt"));
        assert_eq!(made("", "é").as_deref(), Some("demo/é"));
        let long = "x".repeat(1024);
        for (path, name) in [
            ("..", "x"),
            ("a/../b", "x"),
            (".", "x"),
            ("a", ".."),
            ("a", ""),
            ("a", "b/c"),
            ("a\n", "x"),
            ("a\\b", "x"),
            ("", &long),
        ] {
            assert_eq!(made(path, name), None, "{path} {name}");
        }
    }
}
