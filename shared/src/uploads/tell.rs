//! What a business server is told when an upload of its ends.

use serde_json::json;

use super::standing::Verdict;
use super::task::{Origin, Upload};
use crate::error::Error;
use crate::outbox::{self, Message};

impl Upload {
    /// Leaves the message of an upload's end in the outbox; nothing to say for a cancelled one, and to nobody for
    /// one that did not come through the block protocol.
    pub(super) async fn tell(&self, verdict: Verdict) -> Result<(), Error> {
        let Origin::Block { business, store_path, file_name, feedback, .. } = &self.task.origin else { return Ok(()) };
        let (code, status) = match verdict {
            Verdict::Complete => ("0", "complete"),
            Verdict::Expired => ("-1", "expired"),
            Verdict::Mismatch => ("-2", "md5 mismatch"),
            Verdict::Cancelled => return Ok(()),
        };
        let body = json!({
            "retCode": code,
            "status": status,
            "data": feedback,
            "taskId": self.id.parse::<u64>().unwrap_or_default(),
            "fileMd5": self.task.md5,
            "fileSize": self.task.size,
            "storePath": store_path,
            "fileName": file_name,
        });
        let id = format!("upload-{}", self.id);
        outbox::post(&self.storage, &Message { id, business: *business, body: body.to_string() }).await
    }
}
