//! CreateMultipartUpload.

use s3s::dto::{CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3Result, s3_error};

use super::{HeaderFields, check_key, full_object};
use crate::store::error::internal;
use crate::store::row::Upload;
use crate::store::state::{State, now};
use crate::store::writer::Writer;

pub(in crate::store) async fn create_upload(
    state: &State,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    check_key(&input.key)?;
    state.check_writable(&input.bucket)?;
    if input.sse_customer_algorithm.is_some() {
        return Err(s3_error!(NotImplemented, "Customer keys are not supported"));
    }
    let (bucket, key) = (std::mem::take(&mut input.bucket), std::mem::take(&mut input.key));
    let algorithm = input.checksum_algorithm.take();
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(bucket.clone()),
        key: Some(key.clone()),
        // Whatever is asked for, the parts' CRCs are combined into that of the whole object.
        checksum_type: algorithm.as_ref().map(|_| full_object()),
        checksum_algorithm: algorithm,
        ..CreateMultipartUploadOutput::default()
    };
    let id = new_id()?;
    output.upload_id = Some(id.clone());
    let upload = Upload { initiated: now(), headers: header_fields(input).into_headers()? };
    let job = move |writer: &mut Writer<'_>| {
        writer.check_bucket(&bucket)?;
        writer.put_upload(&bucket, &key, &id, &upload)
    };
    state.commits.run(job).await?;
    Ok(output)
}

fn header_fields(input: CreateMultipartUploadInput) -> HeaderFields {
    HeaderFields {
        content_type: input.content_type,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        cache_control: input.cache_control,
        expires: input.expires,
        metadata: input.metadata,
    }
}

/// 128 random bits: knowing the id of an upload is what lets one add to it.
fn new_id() -> S3Result<String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| internal(error.to_string()))?;
    Ok(shared::hex(&id))
}
