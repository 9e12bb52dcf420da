//! Every word that a page says, in each language: one table a language, held complete by the compiler.
//!
//! What depends on a number is a function, because plurals do. Texts that a script shows travel inside the page.

mod en;
mod numbers;
mod ru;
mod zh;

pub(super) use numbers::Units;

use super::language::Language;
use crate::error::Kind;

/// The texts of one language.
pub(crate) struct Texts {
    pub(super) units: Units,
    pub(super) frame: Frame,
    pub(super) home: Home,
    pub(super) upload: Upload,
    pub(super) gallery: Gallery,
    pub(super) archives: Archives,
    pub(super) files: Files,
    pub(super) speech: Speech,
    pub(super) instances: Instances,
    pub(super) terms: Terms,
    pub(super) errors: Errors,
}

/// The texts of a language.
pub(super) fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &en::TEXTS,
        Language::Russian => &ru::TEXTS,
        Language::Chinese => &zh::TEXTS,
    }
}

pub(super) struct Frame {
    pub(super) skip: &'static str,
    pub(super) pages: &'static str,
    pub(super) upload: &'static str,
    pub(super) gallery: &'static str,
    pub(super) files: &'static str,
    pub(super) archives: &'static str,
    pub(super) speech: &'static str,
    pub(super) instances: &'static str,
    pub(super) terms: &'static str,
    pub(super) api: &'static str,
    pub(super) language: &'static str,
    pub(super) home: &'static str,
}

pub(super) struct Home {
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    pub(super) lead: &'static str,
    pub(super) upload: Job,
    pub(super) gallery: Job,
    pub(super) files: Job,
    pub(super) archives: Job,
    pub(super) speech: Job,
    pub(super) instances: Job,
    pub(super) numbers: &'static str,
    pub(super) images: &'static str,
    pub(super) finished: &'static str,
    pub(super) folders: &'static str,
    pub(super) tracks: &'static str,
    pub(super) databases: &'static str,
    pub(super) programs: &'static str,
    pub(super) programs_text: &'static str,
    pub(super) programs_link: &'static str,
}

/// A card that leads to a page.
pub(super) struct Job {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
}

pub(super) struct Upload {
    pub(super) title: &'static str,
    /// With the most that a file may have.
    pub(super) lead: fn(&str) -> String,
    pub(super) choose: &'static str,
    pub(super) or: &'static str,
    pub(super) send: &'static str,
    pub(super) terms_before: &'static str,
    pub(super) terms_link: &'static str,
    pub(super) terms_after: &'static str,
    pub(super) results: &'static str,
    pub(super) waiting: &'static str,
    pub(super) uploading: &'static str,
    pub(super) checking: &'static str,
    pub(super) done: &'static str,
    pub(super) failed: &'static str,
    pub(super) deleted: &'static str,
    pub(super) wrong_type: &'static str,
    pub(super) not_an_image: &'static str,
    pub(super) too_large: fn(&str) -> String,
    pub(super) empty: &'static str,
    pub(super) no_network: &'static str,
    pub(super) busy: &'static str,
    pub(super) server: &'static str,
    pub(super) again: &'static str,
    pub(super) dismiss: &'static str,
    pub(super) copy_all: &'static str,
    pub(super) success: &'static str,
    pub(super) success_text: &'static str,
    pub(super) failure: &'static str,
    pub(super) more: &'static str,
    pub(super) sharex: &'static str,
    pub(super) format: &'static str,
    pub(super) keep: &'static str,
}

pub(super) struct Gallery {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) empty: &'static str,
    pub(super) empty_text: &'static str,
    pub(super) empty_link: &'static str,
    pub(super) end: &'static str,
    pub(super) off: &'static str,
    pub(super) older: &'static str,
    pub(super) newest: &'static str,
    pub(super) open: &'static str,
    pub(super) link: &'static str,
    pub(super) copied: &'static str,
    pub(super) copy_failed: &'static str,
    pub(super) delete: &'static str,
    pub(super) really: &'static str,
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
    pub(super) deleted: &'static str,
    pub(super) delete_failed: &'static str,
    pub(super) yours: &'static str,
    /// A picture of so many pixels, for who does not see it.
    pub(super) alt: fn(u32, u32) -> String,
}

pub(super) struct Archives {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) show: &'static str,
    pub(super) malformed: &'static str,
    pub(super) missing: &'static str,
    pub(super) too_many: &'static str,
    pub(super) download: &'static str,
    pub(super) resumes: &'static str,
    pub(super) not_yet: &'static str,
    /// How many entries there are.
    pub(super) entries: fn(usize) -> String,
    /// How many of them are not shown.
    pub(super) more: fn(usize) -> String,
    pub(super) contents: &'static str,
    pub(super) name: &'static str,
    pub(super) size: &'static str,
    pub(super) modified: &'static str,
    pub(super) folder: &'static str,
    pub(super) json: &'static str,
    pub(super) how: &'static str,
    pub(super) how_text: [&'static str; 3],
}

pub(super) struct Files {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) choose: &'static str,
    pub(super) or: &'static str,
    pub(super) offline_alert: &'static str,
    pub(super) unfinished_heading: &'static str,
    pub(super) unfinished_text: &'static str,
    pub(super) no_script: &'static str,
    pub(super) no_script_text: &'static str,
    pub(super) no_script_resume: &'static str,
    pub(super) sent_by: &'static str,
    pub(super) pause: &'static str,
    pub(super) resume: &'static str,
    pub(super) cancel: &'static str,
    pub(super) open: &'static str,
    /// What the script shows, by the names that it knows.
    pub(super) states: [State; 13],
}

pub(super) struct Speech {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) text: &'static str,
    pub(super) ssml: &'static str,
    pub(super) ssml_hint: &'static str,
    pub(super) language: &'static str,
    pub(super) automatic: &'static str,
    pub(super) name: &'static str,
    pub(super) name_hint: &'static str,
    pub(super) send: &'static str,
    pub(super) list: &'static str,
    pub(super) routes: &'static str,
    pub(super) tracks: &'static str,
    pub(super) none: &'static str,
    pub(super) end: &'static str,
    pub(super) newest: &'static str,
    pub(super) older: &'static str,
    pub(super) processing: &'static str,
    pub(super) done: &'static str,
    pub(super) broken: &'static str,
    pub(super) download: &'static str,
    pub(super) looks_again: &'static str,
    pub(super) missing: &'static str,
    pub(super) no_text: &'static str,
    pub(super) wrong_text: &'static str,
    pub(super) wrong_ssml: &'static str,
    pub(super) long_name: &'static str,
    pub(super) no_voice: &'static str,
    /// How many characters a text may have.
    pub(super) at_most: fn(&str) -> String,
    pub(super) too_long: fn(&str) -> String,
}

pub(super) struct Instances {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) key: &'static str,
    pub(super) key_hint: &'static str,
    pub(super) enter: &'static str,
    pub(super) forget: &'static str,
    pub(super) again: &'static str,
    pub(super) new: &'static str,
    pub(super) charset: &'static str,
    pub(super) collation: &'static str,
    /// The collation that goes with a character set.
    pub(super) usual: &'static str,
    pub(super) memory: &'static str,
    /// From how much to how much.
    pub(super) memory_hint: fn(&str, &str) -> String,
    pub(super) megabytes: &'static str,
    pub(super) ttl: &'static str,
    /// Times to live: seconds, and the words.
    pub(super) ttls: [State; 5],
    pub(super) create_mysql: &'static str,
    pub(super) create_redis: &'static str,
    pub(super) list: &'static str,
    pub(super) none: &'static str,
    pub(super) none_text: &'static str,
    pub(super) created: &'static str,
    pub(super) expires: &'static str,
    pub(super) host: &'static str,
    pub(super) port: &'static str,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    pub(super) uri: &'static str,
    pub(super) reveal: &'static str,
    pub(super) hide: &'static str,
    pub(super) copy: &'static str,
    pub(super) restart: &'static str,
    pub(super) rotate: &'static str,
    pub(super) delete: &'static str,
    /// By the words that the API has for them.
    pub(super) states: [State; 6],
    pub(super) unsettled: &'static str,
    /// Asked before a restart, another password, and a deletion.
    pub(super) questions: [Question; 3],
    pub(super) no: &'static str,
    pub(super) made: &'static str,
    pub(super) on_its_way: &'static str,
    pub(super) restarted: &'static str,
    pub(super) rotated: &'static str,
    pub(super) deleted: &'static str,
    pub(super) wrong_key: &'static str,
    pub(super) missing: &'static str,
    pub(super) quota: &'static str,
    pub(super) wrong_memory: fn(&str, &str) -> String,
    pub(super) wrong_collation: &'static str,
    pub(super) silent: &'static str,
    pub(super) occupied: &'static str,
}

/// What is asked before something is done that cannot be taken back.
pub(super) struct Question {
    /// As the form and the script call it.
    pub(super) action: &'static str,
    pub(super) words: &'static str,
    pub(super) consequence: &'static str,
    pub(super) yes: &'static str,
}

pub(super) struct Terms {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    /// With the most that an image may have.
    pub(super) sections: [Section; 7],
}

/// What a script shows: its name, and the words.
pub(super) type State = (&'static str, &'static str);

/// A heading and what is under it.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) points: &'static [&'static str],
}

/// What to say of an error besides what the server says of it, in a few words and in a hint.
pub(super) struct Errors {
    pub(super) missing: (&'static str, &'static str),
    pub(super) gone: (&'static str, &'static str),
    pub(super) forbidden: (&'static str, &'static str),
    pub(super) too_large: (&'static str, &'static str),
    pub(super) refused: (&'static str, &'static str),
    pub(super) too_many: (&'static str, &'static str),
    pub(super) internal: (&'static str, &'static str),
    pub(super) unavailable: (&'static str, &'static str),
    pub(super) home: &'static str,
    pub(super) request: &'static str,
}

impl Errors {
    pub(super) fn of(&self, kind: Kind) -> (&'static str, &'static str) {
        match kind {
            Kind::NotFound => self.missing,
            Kind::Gone => self.gone,
            Kind::Unauthorized | Kind::Forbidden => self.forbidden,
            Kind::TooLarge => self.too_large,
            Kind::TooManyRequests => self.too_many,
            Kind::Internal => self.internal,
            Kind::Unavailable | Kind::Timeout | Kind::TooSlow => self.unavailable,
            Kind::Invalid
            | Kind::MethodNotAllowed
            | Kind::Conflict
            | Kind::PreconditionFailed
            | Kind::UnsupportedMediaType
            | Kind::RangeNotSatisfiable
            | Kind::ChecksumMismatch
            | Kind::Unprocessable => self.refused,
        }
    }
}
