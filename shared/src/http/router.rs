//! Finds the endpoint of a request in a table, or says why there is none.

use http::Method;
use percent_encoding::percent_decode_str;

use super::dialect::Dialect;
use super::endpoint::Endpoint;
use super::request::Params;

/// Why a table holds nothing for a method and a path.
pub(super) enum Miss {
    /// The path exists, with other methods.
    OtherMethods { allow: Vec<&'static str>, dialect: Dialect },
    /// No such path. The dialect is that of the job it seems to be about.
    Missing(Dialect),
}

/// The endpoint of a table that takes a method on a path.
pub fn find(table: &[&'static Endpoint], method: &Method, path: &str) -> Option<&'static Endpoint> {
    route(table, method, path).ok().map(|(endpoint, _)| endpoint)
}

pub(super) fn route(
    table: &[&'static Endpoint],
    method: &Method,
    path: &str,
) -> Result<(&'static Endpoint, Params), Miss> {
    let mut dialect = None;
    for endpoint in table {
        let Some(params) = endpoint.paths.iter().find_map(|pattern| matches(pattern, path)) else {
            continue;
        };
        if endpoint.methods.iter().any(|verb| verb.takes(method)) {
            return Ok((endpoint, params));
        }
        dialect.get_or_insert(endpoint.dialect);
    }
    match dialect {
        Some(dialect) => Err(Miss::OtherMethods { allow: allowed(table, path), dialect }),
        None => Err(Miss::Missing(nearest_dialect(table, path))),
    }
}

/// The methods that a table takes on a path, OPTIONS last.
pub(crate) fn allowed(table: &[&'static Endpoint], path: &str) -> Vec<&'static str> {
    let there = |endpoint: &&&Endpoint| endpoint.paths.iter().any(|pattern| matches(pattern, path).is_some());
    let mut allow = Vec::new();
    for word in table.iter().filter(there).flat_map(|endpoint| endpoint.methods).flat_map(|verb| verb.allowed()) {
        if !allow.contains(word) && *word != "OPTIONS" {
            allow.push(word);
        }
    }
    allow.push("OPTIONS");
    allow
}

/// The parameters, if `path` fits `pattern`. Segments are split before they are decoded, so that an
/// encoded slash never makes a new segment; the rest of a path stays as it was sent for the same reason. A
/// parameter may be empty or hold replacement characters: the handler knows what to say to that.
fn matches(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::new();
    let mut rest = path;
    for (index, part) in pattern.split('/').enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('/')?;
        }
        let name = part.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        if let Some(name) = name.and_then(|name| name.strip_suffix("...")) {
            params.push((name, rest.to_owned()));
            return Some(params);
        }
        let (segment, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match name {
            Some(name) => params.push((name, decode(segment))),
            None if segment == part => {}
            _ => return None,
        }
        rest = tail;
    }
    rest.is_empty().then_some(params)
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into()
}

/// A miss wears the dialect of the job whose paths it shares the most leading segments with.
fn nearest_dialect(table: &[&'static Endpoint], path: &str) -> Dialect {
    let shared_segments = |pattern: &str| {
        let same = pattern.split('/').zip(path.split('/')).take_while(|(own, asked)| own == asked);
        same.filter(|(own, _)| !own.is_empty()).count()
    };
    table
        .iter()
        .flat_map(|endpoint| endpoint.paths.iter().map(|pattern| (shared_segments(pattern), endpoint.dialect)))
        .filter(|(shared, _)| *shared > 0)
        // The first of the table wins among equals, so that the order of the table decides.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map_or(Dialect::Plain, |(_, dialect)| dialect)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_take_whole_decoded_segments() {
        assert_eq!(matches("/a/{x}/", "/a/b%20c/"), Some(vec![("x", "b c".to_owned())]));
        assert_eq!(matches("/a/{x}", "/a/b%2Fc"), Some(vec![("x", "b/c".to_owned())]));
        assert_eq!(matches("/a/{x}", "/a/b/c"), None);
        assert_eq!(matches("/a/{x}/", "/a//"), Some(vec![("x", String::new())]));
        assert_eq!(matches("/a/{x}", "/a/"), Some(vec![("x", String::new())]));
        assert_eq!(matches("/a", "/a/"), None);
        assert_eq!(matches("/{rest...}", "/a//b%2Fc%ff"), Some(vec![("rest", "a//b%2Fc%ff".to_owned())]));
        assert_eq!(matches("/a/{x}", "/a/%ff"), Some(vec![("x", "\u{fffd}".to_owned())]));
    }
}
