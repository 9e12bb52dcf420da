//! AbortMultipartUpload.

use s3s::S3Result;
use s3s::dto::AbortMultipartUploadInput;

use crate::store::state::State;
use crate::store::writer::Writer;

pub(in crate::store) async fn abort_upload(state: &State, input: AbortMultipartUploadInput) -> S3Result<()> {
    state.check_writable(&input.bucket)?;
    let job = move |writer: &mut Writer<'_>| {
        writer.upload(&input.bucket, &input.key, &input.upload_id)?;
        writer.remove_upload(&input.bucket, &input.key, &input.upload_id)
    };
    state.commits.run(job).await
}
