//! `Upload-Concat`: uploads that are parts of others, and uploads that join them.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{check_there, open};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::uploads::task::{Origin, SIZE_LIMIT, Upload};

/// The most parts that one upload joins.
const PARTS_LIMIT: usize = 1000;

/// How often one part may come: a file of a thousand times one part would cost its sender nothing.
const REPEATS_LIMIT: usize = 4;

/// How many parts are looked at at once.
const AT_ONCE: usize = 16;

/// What an upload is to others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concat {
    /// Nothing.
    None,
    /// A part of another.
    Partial,
    /// It joins these, by their ids.
    Final(Vec<String>),
}

impl Concat {
    /// Reads the header.
    ///
    /// # Errors
    /// 400 if it is malformed, names no parts or too many, or a URL that is not an upload's.
    pub(super) fn parse(header: Option<&str>) -> Result<Self, Error> {
        let Some(header) = header else { return Ok(Self::None) };
        if header == "partial" {
            return Ok(Self::Partial);
        }
        let urls = header.strip_prefix("final;").ok_or_else(|| Error::invalid("Upload-Concat is malformed."))?;
        let ids: Vec<String> = urls.split_ascii_whitespace().map(id).collect::<Result<_, _>>()?;
        if !(1..=PARTS_LIMIT).contains(&ids.len()) {
            return Err(Error::invalid("An upload joins between 1 and 1,000 others."));
        }
        let mut named: HashMap<&str, usize> = HashMap::new();
        for id in &ids {
            let times = named.entry(id).or_default();
            *times += 1;
            if *times > REPEATS_LIMIT {
                return Err(Error::invalid("Upload-Concat names a part more than four times."));
            }
        }
        Ok(Self::Final(ids))
    }
}

/// The id in a URL, whatever its host, or in a path.
fn id(url: &str) -> Result<String, Error> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => url,
    };
    let id = path.rsplit_once("/files/").map(|(_, id)| id).filter(|id| !id.is_empty() && !id.contains('/'));
    id.map(str::to_owned).ok_or_else(|| Error::invalid("Upload-Concat names a URL that is not an upload's."))
}

/// The length of all parts together, if the length of each is known.
///
/// # Errors
/// 404 for a part that does not exist, 410 for one that is over, 400 for one that is no part, 413 beyond what fits.
pub(super) async fn total(app: &App, ids: &[String]) -> Result<Option<u64>, Error> {
    // With everything of their own, or the compiler does not see that they are `Send`.
    let looks: Vec<_> = ids.iter().map(|id| part(app, id.clone())).collect();
    let sizes: Vec<Option<u64>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let known = sizes.iter().flatten().try_fold(0_u64, |sum, size| sum.checked_add(*size));
    if known.is_none_or(|sum| sum > SIZE_LIMIT) {
        return Err(Error::new(Kind::TooLarge, "A file has at most 5 TiB."));
    }
    Ok(known.filter(|_| sizes.iter().all(Option::is_some)))
}

async fn part(app: &App, id: String) -> Result<Option<u64>, Error> {
    let upload = open(app, &id).await?;
    if !is_partial(&upload) {
        return Err(Error::invalid("Upload-Concat names an upload that was not created as a part."));
    }
    let standing = upload.standing().await?;
    check_there(standing.phase)?;
    Ok(standing.size)
}

/// Whether it is a part of another.
pub(super) fn is_partial(upload: &Upload) -> bool {
    matches!(upload.task.origin, Origin::Tus { partial: true, .. })
}

#[cfg(test)]
mod tests {
    use super::Concat;

    #[test]
    fn parts_are_named_by_url_or_by_path() {
        let ids = |header: &str| match Concat::parse(Some(header)) {
            Ok(Concat::Final(ids)) => ids.join(" "),
            other => format!("{other:?}"),
        };
        assert_eq!(ids("final;/files/a https://x.org:81/files/b  /some/proxy/files/c"), "a b c");
        assert_eq!(Concat::parse(Some("partial")).unwrap(), Concat::Partial);
        assert_eq!(Concat::parse(None).unwrap(), Concat::None);
        for header in
            ["", "final", "final;", "final; ", "Partial", "final;/other/a", "final;http://files/", "final;/files/a/b"]
        {
            assert!(Concat::parse(Some(header)).is_err(), "{header}");
        }
    }
}
