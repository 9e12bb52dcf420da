//! The S3 API of the store, on one page: each operation and where it is.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::ops::{
    abort_upload, buckets, complete_upload, copy_object, create_upload, delete_objects, get_object, list_objects,
    list_parts, list_uploads, object_attributes, put_object, upload_part, upload_part_copy,
};
use super::state::State;

/// What the protocol library calls.
pub(super) struct Api(pub(super) Arc<State>);

type Request<I> = S3Request<I>;
type Reply<O> = S3Result<S3Response<O>>;

/// Anything not listed here is answered with `NotImplemented`.
#[async_trait]
impl S3 for Api {
    async fn create_bucket(&self, request: Request<CreateBucketInput>) -> Reply<CreateBucketOutput> {
        buckets::create(&self.0, request.input.bucket).await.map(S3Response::new)
    }

    async fn head_bucket(&self, request: Request<HeadBucketInput>) -> Reply<HeadBucketOutput> {
        buckets::head(&self.0, &request.input.bucket).map(S3Response::new)
    }

    async fn delete_bucket(&self, request: Request<DeleteBucketInput>) -> Reply<DeleteBucketOutput> {
        buckets::delete(&self.0, request.input.bucket).await.map(S3Response::new)
    }

    async fn list_buckets(&self, _: Request<ListBucketsInput>) -> Reply<ListBucketsOutput> {
        buckets::list(&self.0).map(S3Response::new)
    }

    async fn get_bucket_location(&self, request: Request<GetBucketLocationInput>) -> Reply<GetBucketLocationOutput> {
        buckets::location(&self.0, &request.input.bucket).map(S3Response::new)
    }

    /// Never switched on; `mc` and others ask before they list.
    async fn get_bucket_versioning(
        &self,
        request: Request<GetBucketVersioningInput>,
    ) -> Reply<GetBucketVersioningOutput> {
        buckets::check(&self.0, &request.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn put_object(&self, request: Request<PutObjectInput>) -> Reply<PutObjectOutput> {
        put_object::put_object(&self.0, request).await.map(S3Response::new)
    }

    async fn get_object(&self, request: Request<GetObjectInput>) -> Reply<GetObjectOutput> {
        get_object::get_object(&self.0, request.input).await
    }

    async fn head_object(&self, request: Request<HeadObjectInput>) -> Reply<HeadObjectOutput> {
        get_object::head_object(&self.0, request.input).await
    }

    async fn get_object_attributes(
        &self,
        request: Request<GetObjectAttributesInput>,
    ) -> Reply<GetObjectAttributesOutput> {
        object_attributes::object_attributes(&self.0, &request.input).map(S3Response::new)
    }

    async fn copy_object(&self, request: Request<CopyObjectInput>) -> Reply<CopyObjectOutput> {
        copy_object::copy_object(&self.0, request).await.map(S3Response::new)
    }

    async fn delete_object(&self, request: Request<DeleteObjectInput>) -> Reply<DeleteObjectOutput> {
        delete_objects::delete_object(&self.0, request.input).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: Request<DeleteObjectsInput>) -> Reply<DeleteObjectsOutput> {
        delete_objects::delete_objects(&self.0, request.input).await.map(S3Response::new)
    }

    async fn list_objects_v2(&self, request: Request<ListObjectsV2Input>) -> Reply<ListObjectsV2Output> {
        list_objects::list_v2(&self.0, request.input).await.map(S3Response::new)
    }

    async fn list_objects(&self, request: Request<ListObjectsInput>) -> Reply<ListObjectsOutput> {
        list_objects::list_v1(&self.0, request.input).await.map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        request: Request<CreateMultipartUploadInput>,
    ) -> Reply<CreateMultipartUploadOutput> {
        create_upload::create_upload(&self.0, request.input).await.map(S3Response::new)
    }

    async fn upload_part(&self, request: Request<UploadPartInput>) -> Reply<UploadPartOutput> {
        upload_part::upload_part(&self.0, request).await.map(S3Response::new)
    }

    async fn upload_part_copy(&self, request: Request<UploadPartCopyInput>) -> Reply<UploadPartCopyOutput> {
        upload_part_copy::upload_part_copy(&self.0, request.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: Request<CompleteMultipartUploadInput>,
    ) -> Reply<CompleteMultipartUploadOutput> {
        complete_upload::complete_upload(&self.0, request.input).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        request: Request<AbortMultipartUploadInput>,
    ) -> Reply<AbortMultipartUploadOutput> {
        abort_upload::abort_upload(&self.0, request.input).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(&self, request: Request<ListPartsInput>) -> Reply<ListPartsOutput> {
        list_parts::list_parts(&self.0, request.input).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: Request<ListMultipartUploadsInput>,
    ) -> Reply<ListMultipartUploadsOutput> {
        list_uploads::list_uploads(&self.0, request.input).await.map(S3Response::new)
    }
}
