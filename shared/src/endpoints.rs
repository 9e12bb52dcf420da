//! The table of contents: every endpoint there is.

use crate::archive;
use crate::error::Error;
use crate::events::Worker;
use crate::http::Endpoint;
use crate::images;
use crate::instances;
use crate::speech;
use crate::uploads::{self, block};
use crate::{outbox, pages};

/// Every endpoint, in the order in which they are documented.
pub const ALL: &[&Endpoint] = &[
    &archive::DOWNLOAD,
    &archive::INDEX,
    &archive::IMPORT,
    &pages::HOME,
    &pages::STATS,
    &pages::ARCHIVES,
    &pages::UPLOAD,
    &pages::UPLOAD_FORM,
    // Before the images, which would take an empty name too.
    &pages::GALLERY,
    &pages::DELETE,
    &images::UPLOAD,
    &images::SERVE,
    &images::LIST,
    &images::DELETE,
    &images::PRESIGN,
    &images::CONFIRM,
    &images::SHAREX,
    &speech::ROUTE_TO_AUDIO,
    &speech::STRING_TO_AUDIO,
    &speech::TRACK,
    &speech::SERVE,
    &speech::LIST,
    &pages::SPEECH,
    &pages::SPEECH_FORM,
    &pages::FILES_PAGE,
    &pages::TERMS,
    &block::NEW_TASK,
    &block::STORE_BLOCK,
    &block::INFO,
    &block::STATE,
    &block::PRESIGN,
    &block::COMMIT,
    &uploads::tus::CREATE,
    &uploads::tus::PATCH,
    // Before the download, which would take HEAD too.
    &uploads::tus::HEAD,
    &uploads::tus::DOWNLOAD,
    &uploads::tus::DELETE,
    &uploads::tus::OPTIONS,
    &uploads::draft::CREATE,
    &uploads::draft::APPEND,
    // Before the download, as above.
    &uploads::draft::HEAD,
    &uploads::draft::DOWNLOAD,
    &uploads::draft::CANCEL,
    &uploads::draft::OPTIONS,
    &speech::SPEAK,
    &instances::CREATE_MYSQL,
    &instances::CREATE_REDIS,
    &instances::LIST,
    &instances::DETAIL,
    &instances::DELETE,
    &instances::RESTART,
    &instances::ROTATE_PASSWORD,
    &pages::INSTANCES,
    &pages::INSTANCES_FORM,
    &pages::HEART_BEAT,
    &pages::HEALTH,
    &pages::OPENAPI,
    &pages::DOCS,
    &pages::STATIC_FILES,
];

/// [`ALL`] without what its endpoints do: who only looks something up in the table need not be linked with every job.
pub static TABLE: [&Endpoint; ALL.len()] = {
    let mut table = [&ROWS[0]; ALL.len()];
    let mut index = 0;
    while index < table.len() {
        table[index] = &ROWS[index];
        index += 1;
    }
    table
};

static ROWS: [Endpoint; ALL.len()] = {
    let mut rows = [NOTHING; ALL.len()];
    let mut index = 0;
    while index < rows.len() {
        rows[index] = Endpoint { handler: NOTHING.handler, ..*ALL[index] };
        index += 1;
    }
    rows
};

const NOTHING: Endpoint =
    Endpoint { handler: |_, _| Box::pin(async { Err(Error::not_found("There is nothing here.")) }), ..pages::FALLBACK };

/// Every worker: functions that run on events or on a schedule instead of requests.
pub const WORKERS: &[&Worker] = &[
    &archive::RECORD_CRC32,
    &outbox::DELIVER_CALLBACKS,
    &uploads::TEND_UPLOADS,
    &archive::SWEEP_IMPORTS,
    &archive::ASSEMBLE_ARCHIVES,
    &images::SWEEP_IMAGES,
    &speech::RENDER_SPEECH,
    &instances::RECONCILE_INSTANCES,
];
