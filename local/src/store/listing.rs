//! One page of a listing: prefix, delimiter and paging over any source of keys in byte order.
//!
//! The pager decides, the source walks: it offers keys in order, beginning at [`Pager::start`], and
//! does what each [`Step`] says. A common prefix is answered once and then jumped over, so a page costs
//! what it shows, not what lies beneath it. A marker that lies inside a common prefix hides that prefix:
//! it was on the page before.

use s3s::S3Result;

/// Most keys and common prefixes of one page, as on AWS.
pub(super) const PAGE_LIMIT: usize = 1000;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// Only keys (and common prefixes) after this one.
    pub(super) after: String,
    pub(super) limit: usize,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<(String, T)>,
    pub(super) prefixes: Vec<String>,
    /// The marker that continues this listing, when there is more.
    pub(super) next: Option<String>,
}

/// What the source has to do after a key was offered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    /// Go on with the first key that is not below this one.
    Seek(String),
    Done,
}

/// Collects one page.
pub(super) struct Pager<T> {
    query: Query,
    page: Page<T>,
    last: String,
}

impl<T> Pager<T> {
    pub(super) fn new(mut query: Query) -> Self {
        query.limit = query.limit.min(PAGE_LIMIT);
        query.delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty());
        let page = Page { items: Vec::new(), prefixes: Vec::new(), next: None };
        Self { query, page, last: String::new() }
    }

    /// The first key that can be on the page.
    pub(super) fn start(&self) -> String {
        if self.query.after.is_empty() || self.query.after < self.query.prefix {
            return self.query.prefix.clone();
        }
        // The smallest string above `after`.
        format!("{}\0", self.query.after)
    }

    /// Takes the next key in order; `item` may find that it is gone after all.
    pub(super) fn offer(&mut self, key: &str, item: impl FnOnce() -> S3Result<Option<T>>) -> S3Result<Step> {
        if !key.starts_with(&self.query.prefix) || self.query.limit == 0 {
            return Ok(Step::Done);
        }
        let Some(common) = self.common_prefix(key) else {
            return self.offer_item(key, item);
        };
        let step = after_all_below(common).map_or(Step::Done, Step::Seek);
        if common <= self.query.after.as_str() {
            return Ok(step);
        }
        if self.is_full() {
            return Ok(Step::Done);
        }
        self.last = common.to_owned();
        self.page.prefixes.push(self.last.clone());
        Ok(step)
    }

    pub(super) fn finish(self) -> Page<T> {
        self.page
    }

    fn offer_item(&mut self, key: &str, item: impl FnOnce() -> S3Result<Option<T>>) -> S3Result<Step> {
        if key <= self.query.after.as_str() {
            return Ok(Step::Next);
        }
        if self.is_full() {
            return Ok(Step::Done);
        }
        if let Some(item) = item()? {
            self.last = key.to_owned();
            self.page.items.push((self.last.clone(), item));
        }
        Ok(Step::Next)
    }

    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.query.delimiter.as_deref()?;
        let rest = key.get(self.query.prefix.len()..)?;
        let end = self.query.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    /// Asked only when there is another key: a full page then has a successor.
    fn is_full(&mut self) -> bool {
        let full = self.page.items.len() + self.page.prefixes.len() >= self.query.limit;
        if full {
            self.page.next = Some(self.last.clone());
        }
        full
    }
}

/// The smallest string above every string that starts with `prefix`; UTF-8 sorts as its code points do.
fn after_all_below(prefix: &str) -> Option<String> {
    let mut bound = prefix.to_owned();
    while let Some(last) = bound.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            bound.push(next);
            return Some(bound);
        }
    }
    None
}

/// A page out of keys that are all in memory, sorted by their bytes.
pub(super) fn page_of_sorted<T>(
    keys: &[String],
    query: Query,
    mut item: impl FnMut(&str) -> S3Result<Option<T>>,
) -> S3Result<Page<T>> {
    let mut pager = Pager::new(query);
    let first = pager.start();
    let mut at = keys.partition_point(|key| *key < first);
    while let Some(key) = keys.get(at) {
        at = match pager.offer(key, || item(key))? {
            Step::Next => at + 1,
            Step::Seek(bound) => at + keys.get(at..).unwrap_or_default().partition_point(|key| *key < bound),
            Step::Done => break,
        };
    }
    Ok(pager.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The definition of a listing, without paging: what S3 says, written as plainly as possible.
    fn definition(keys: &[String], prefix: &str, delimiter: Option<&str>) -> BTreeSet<(String, bool)> {
        let fold = |key: &String| {
            let rest = key.strip_prefix(prefix)?;
            let cut = delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
            Some(cut.map_or((key.clone(), false), |cut| (format!("{prefix}{}", &rest[..cut]), true)))
        };
        keys.iter().filter_map(fold).collect()
    }

    fn pages(keys: &[String], prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let query = Query { prefix: prefix.into(), delimiter: delimiter.map(Into::into), after, limit };
            let page = page_of_sorted(keys, query, |_| Ok(Some(()))).unwrap();
            let mut entries: Vec<_> = page.items.into_iter().map(|(key, ())| (key, false)).collect();
            entries.extend(page.prefixes.into_iter().map(|prefix| (prefix, true)));
            assert!(entries.len() <= limit);
            entries.sort();
            found.extend(entries);
            match page.next {
                Some(next) => after = next,
                None => return found,
            }
        }
    }

    proptest! {
        #[test]
        fn pages_of_any_size_are_the_listing(
            keys in proptest::collection::btree_set("[ab/-]{1,6}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in proptest::option::of("/|b|a/"),
            limit in 1_usize..6,
        ) {
            let keys: Vec<String> = keys.into_iter().collect();
            let expected: Vec<_> = definition(&keys, &prefix, delimiter.as_deref()).into_iter().collect();
            prop_assert_eq!(pages(&keys, &prefix, delimiter.as_deref(), limit), expected);
        }

        #[test]
        fn the_bound_after_a_prefix_is_tight(prefix in "\\PC{1,3}", tail in "\\PC{0,3}", other in "\\PC{0,4}") {
            let below = format!("{prefix}{tail}");
            if let Some(bound) = after_all_below(&prefix) {
                prop_assert!(below < bound);
                prop_assert!(other.starts_with(&prefix) || other < prefix || other >= bound);
            }
        }
    }

    #[test]
    fn nothing_sorts_after_the_last_code_point() {
        assert_eq!(after_all_below("\u{10FFFF}"), None);
        assert_eq!(after_all_below("a\u{10FFFF}").unwrap(), "b");
        assert_eq!(after_all_below("\u{D7FF}").unwrap(), "\u{E000}");
    }

    #[test]
    fn an_item_that_vanished_is_not_on_the_page() {
        let keys = ["a".to_owned(), "b".to_owned()];
        let query = Query { limit: 10, ..Query::default() };
        let page = page_of_sorted(&keys, query, |key| Ok((key == "b").then_some(()))).unwrap();
        assert_eq!(page.items, [("b".to_owned(), ())]);
    }
}
