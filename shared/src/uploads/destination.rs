//! Where a finished file lies: inside of what the operator gave to its business, whatever names are sent.

use crate::error::Error;
use crate::storage::key;

/// The longest key, in bytes (S3 user guide, "Naming Amazon S3 objects").
const KEY_LIMIT: usize = 1024;

/// The longest name in it, in bytes: file systems take no longer ones, nor do stores that are made of one.
const NAME_LIMIT: usize = 255;

/// `{prefix}/{store_path}/{file_name}` without empty segments and `.`.
///
/// Names are kept as they are sent: two that look the same and are composed otherwise (Unicode normal forms) are two
/// files, as they are to the store.
///
/// # Errors
/// 400 for what a reader of the key might take for something else.
pub(super) fn destination(prefix: &str, store_path: &str, file_name: &str) -> Result<String, Error> {
    if file_name.contains('/') || matches!(file_name.trim(), "" | ".") {
        return Err(Error::invalid("fileName must be a name, without '/'."));
    }
    for (name, text) in [("storePath", store_path), ("fileName", file_name)] {
        if text.chars().any(is_refused) {
            return Err(Error::invalid(format!("{name} must have no control characters and no backslash.")));
        }
    }
    let segments = prefix.split('/').chain(store_path.split('/')).chain([file_name]);
    let segments: Vec<&str> = segments.filter(|segment| !matches!(*segment, "" | ".")).collect();
    if segments.contains(&"..") {
        return Err(Error::invalid("storePath and fileName must not contain '..'."));
    }
    let key = segments.join("/");
    if key.len() > KEY_LIMIT || segments.iter().any(|segment| segment.len() > NAME_LIMIT) {
        return Err(Error::invalid("storePath and fileName are too long."));
    }
    if key::is_own(&key) {
        return Err(Error::invalid("storePath is taken by the service itself."));
    }
    Ok(key)
}

/// Control characters, the other separator, and code points that are no characters (Unicode 23.7): XML, in which a
/// store lists its keys, has none of them.
fn is_refused(char: char) -> bool {
    let code = u32::from(char);
    char.is_control() || char == '\\' || code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::{KEY_LIMIT, NAME_LIMIT, destination};

    #[test]
    fn keys_are_normalised() {
        let of = |prefix, path, name| destination(prefix, path, name).unwrap();
        assert_eq!(of("shop/", "a/b", "c.bin"), "shop/a/b/c.bin");
        assert_eq!(of("shop", "//a/./b/", "c"), "shop/a/b/c");
        assert_eq!(of("", "", "c"), "c");
        assert_eq!(of("shop/", ".", "..."), "shop/...");
        assert_eq!(of("s/", "\u{6587}\u{4ef6}", "e\u{301} \u{1f600}"), "s/\u{6587}\u{4ef6}/e\u{301} \u{1f600}");
        let (name, folder) = ("x".repeat(NAME_LIMIT), "y/".repeat(KEY_LIMIT / 2));
        assert_eq!(of("", "", &name), name);
        // A folder of one-letter names has an odd length.
        assert_eq!(of("", &folder[..KEY_LIMIT - NAME_LIMIT - 1], &name).len(), KEY_LIMIT - 1);
    }

    #[test]
    fn names_that_mislead_are_refused() {
        let (long, deep) = ("x".repeat(NAME_LIMIT + 1), "y/".repeat(KEY_LIMIT / 2));
        let wrong = [
            ("..", "c"),
            ("a/../b", "c"),
            ("a\\b", "c"),
            ("a\0", "c"),
            ("a\u{85}", "c"),
            ("", ""),
            ("", " "),
            ("", "."),
            ("", ".."),
            ("", "a/b"),
            ("", "/"),
            ("", "a\nb"),
            ("", "a\u{7f}"),
            ("", "\u{ffff}"),
            ("", "\u{fdd0}"),
            ("", "\u{1fffe}"),
            ("", &*long),
            (&*long, "c"),
            (&*deep, "c"),
            ("uploads/1", "task"),
            ("outbox", "x"),
            ("./crc32//a", "x"),
        ];
        for (path, name) in wrong {
            assert!(destination("", path, name).is_err(), "{path:?} {name:?}");
        }
    }

    #[test]
    fn nothing_leaves_the_prefix() {
        let pieces = ["", ".", "..", "/", "a", "\u{e9}", " ", "\\", "\0", "..."];
        let texts = || pieces.iter().flat_map(|a| pieces.iter().map(move |b| format!("{a}{b}")));
        for (path, name) in texts().flat_map(|path| texts().map(move |name| (path.clone(), name))) {
            let Ok(key) = destination("shop/", &path, &name) else { continue };
            assert!(key.starts_with("shop/") && !key.contains("//") && !key.chars().any(char::is_control), "{key:?}");
            assert!(key.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{key:?}");
        }
    }
}
