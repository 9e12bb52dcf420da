//! One visit of a page: in which language, and with what headers the page goes out.

use askama::Template;
use http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;

use super::language::{CHOICE, Language};
use super::static_files::Asset;
use super::texts::{self, Texts};
use crate::error::Error;
use crate::http::Body;
use crate::http::page::{self, Policy};

/// The longest query that the links to other languages carry on, in bytes.
const QUERY_LIMIT: usize = 2048;

/// What the frame of every page shows.
pub(crate) struct Visit {
    pub(super) language: Language,
    pub(super) texts: &'static Texts,
    /// Whether the language was chosen just now, and is to be remembered.
    chosen: bool,
    path: String,
    /// What the query says besides the language, as it was sent.
    query: String,
}

/// One link of the language switch.
pub(super) struct Choice {
    pub(super) tag: &'static str,
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

impl Visit {
    /// The visit that a request is. Without its target nothing was chosen, and nothing is carried on.
    pub(crate) fn of(target: Option<&Uri>, headers: &HeaderMap) -> Self {
        let query = target.and_then(Uri::query).filter(|query| query.len() <= QUERY_LIMIT).unwrap_or_default();
        let (own, other): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(|pair| key(pair) == CHOICE);
        let chosen = own.iter().find_map(|pair| Language::tagged(pair.split_once('=')?.1));
        let language = chosen.unwrap_or_else(|| Language::of(headers));
        Self {
            language,
            texts: texts::of(language),
            chosen: chosen.is_some(),
            path: target.map(|target| target.path().to_owned()).unwrap_or_default(),
            query: other.join("&"),
        }
    }

    /// A page as the answer.
    pub(super) fn page(
        &self,
        status: StatusCode,
        policy: Policy,
        page: &impl Template,
    ) -> Result<Response<Body>, Error> {
        let text = page.render().map_err(|cause| Error::internal("render a page", cause))?;
        let mut response = page::html(status, policy, text);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag()));
        headers.append(VARY, HeaderValue::from_static("accept-language, cookie"));
        // Another choice of language, and other numbers, are another page at the same address.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if self.chosen
            && let Ok(cookie) = HeaderValue::try_from(self.cookie())
        {
            headers.append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// Remembers the choice for a year.
    fn cookie(&self) -> String {
        format!("{CHOICE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", self.language.tag())
    }

    /// The language switch. Its links name no path, so they lead to where the reader is, whatever stands in front.
    pub(super) fn choices(&self) -> [Choice; Language::ALL.len()] {
        Language::ALL.map(|language| Choice {
            tag: language.tag(),
            name: language.name(),
            href: match &*self.query {
                "" => format!("?{CHOICE}={}", language.tag()),
                query => format!("?{query}&{CHOICE}={}", language.tag()),
            },
            current: language == self.language,
        })
    }

    pub(super) fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// The pages that the frame leads to.
    pub(super) fn places(&self) -> [(&'static str, &'static str); 6] {
        let frame = &self.texts.frame;
        [
            ("/upload", frame.upload),
            ("/images/", frame.gallery),
            ("/files", frame.files),
            ("/archives", frame.archives),
            ("/speech", frame.speech),
            ("/instances", frame.instances),
        ]
    }

    /// Whether the reader is on the page of that path.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    pub(super) fn style(&self) -> &'static str {
        page::STYLE
    }

    pub(super) fn icon(&self) -> String {
        Asset::Icon.url()
    }
}

fn key(pair: &str) -> String {
    let key = pair.split_once('=').map_or(pair, |(key, _)| key);
    percent_decode_str(key).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Uri};

    use super::Visit;

    fn visit(target: &'static str) -> Visit {
        Visit::of(Some(&Uri::from_static(target)), &HeaderMap::new())
    }

    #[test]
    fn links_to_other_languages_carry_the_query_on() {
        let hrefs = |target| visit(target).choices().map(|choice| choice.href);
        assert_eq!(hrefs("//elsewhere/?lang=ru"), ["?lang=en", "?lang=ru", "?lang=zh"]);
        assert_eq!(hrefs("/a?x=1&lang=zh&y=%26&&")[1], "?x=1&y=%26&lang=ru");
        assert_eq!(hrefs("/a?l%61ng=ru")[0], "?lang=en");
    }

    #[test]
    fn only_a_choice_that_exists_is_one() {
        assert_eq!((visit("/?lang=ru").tag(), visit("/?lang=ru").chosen), ("ru", true));
        assert_eq!((visit("/?lang=de").tag(), visit("/?lang=de").chosen), ("en", false));
        assert_eq!((visit("/?lang").tag(), visit("/?slang=ru").tag()), ("en", "en"));
    }
}
