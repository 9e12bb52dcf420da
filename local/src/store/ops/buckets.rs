//! CreateBucket, HeadBucket, DeleteBucket, ListBuckets and GetBucketLocation.

use s3s::dto::{
    Bucket, CreateBucketOutput, DeleteBucketOutput, GetBucketLocationOutput, HeadBucketOutput, ListBucketsOutput,
};
use s3s::{S3Result, s3_error};

use super::timestamp;
use crate::store::error;
use crate::store::state::{State, now};

/// The only region there is.
const REGION: &str = "us-east-1";

pub(in crate::store) async fn create(state: &State, bucket: String) -> S3Result<CreateBucketOutput> {
    if state.directory(&bucket).is_some() {
        return Err(s3_error!(BucketAlreadyOwnedByYou, "The bucket exists and is a directory on disk"));
    }
    let location = Some(format!("/{bucket}"));
    let job = move |writer: &mut crate::store::writer::Writer<'_>| {
        if writer.has_bucket(&bucket)? {
            let text = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(s3_error!(BucketAlreadyOwnedByYou, "{text}").into());
        }
        writer.put_bucket(&bucket, now())
    };
    state.commits.run(job).await?;
    Ok(CreateBucketOutput { location })
}

pub(in crate::store) async fn delete(state: &State, bucket: String) -> S3Result<DeleteBucketOutput> {
    state.check_writable(&bucket)?;
    let job = move |writer: &mut crate::store::writer::Writer<'_>| {
        writer.check_bucket(&bucket)?;
        if !writer.is_empty(&bucket)? {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty").into());
        }
        writer.remove_bucket(&bucket)
    };
    state.commits.run(job).await?;
    Ok(DeleteBucketOutput {})
}

pub(in crate::store) fn head(state: &State, bucket: &str) -> S3Result<HeadBucketOutput> {
    check(state, bucket)?;
    Ok(HeadBucketOutput { bucket_region: Some(REGION.into()), ..HeadBucketOutput::default() })
}

/// No constraint is how S3 says `us-east-1`.
pub(in crate::store) fn location(state: &State, bucket: &str) -> S3Result<GetBucketLocationOutput> {
    check(state, bucket)?;
    Ok(GetBucketLocationOutput { location_constraint: None })
}

pub(in crate::store) fn list(state: &State) -> S3Result<ListBucketsOutput> {
    let mut names = state.index.snapshot()?.buckets()?;
    if let Some(directory) = &state.directory {
        names.push((directory.bucket().to_owned(), directory.mounted_at()));
        names.sort();
    }
    let bucket = |(name, created): (String, i64)| Bucket {
        bucket_region: Some(REGION.into()),
        creation_date: Some(timestamp(created)),
        name: Some(name),
    };
    Ok(ListBucketsOutput { buckets: Some(names.into_iter().map(bucket).collect()), ..ListBucketsOutput::default() })
}

/// # Errors
/// `NoSuchBucket`.
pub(in crate::store) fn check(state: &State, bucket: &str) -> S3Result<()> {
    match state.directory(bucket) {
        Some(_) => Ok(()),
        None if state.index.snapshot()?.has_bucket(bucket)? => Ok(()),
        None => Err(error::no_such_bucket()),
    }
}
