//! DeleteObject and DeleteObjects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error, ObjectIdentifier,
};
use s3s::{S3Error, S3Result, s3_error};

use crate::store::condition::WriteConditions;
use crate::store::error::Refusal;
use crate::store::state::State;
use crate::store::writer::Writer;

/// Keys of one request, as on AWS.
const KEYS_LIMIT: usize = 1000;

/// Deleting what is not there succeeds, unless a condition asks for it.
pub(in crate::store) async fn delete_object(state: &State, input: DeleteObjectInput) -> S3Result<()> {
    state.check_writable(&input.bucket)?;
    let (bucket, key) = (input.bucket, input.key);
    let conditions = WriteConditions { if_match: input.if_match, if_none_match: None };
    state.commits.run(move |writer: &mut Writer<'_>| delete(writer, &bucket, &key, &conditions)).await
}

pub(in crate::store) async fn delete_objects(
    state: &State,
    input: DeleteObjectsInput,
) -> S3Result<DeleteObjectsOutput> {
    state.check_writable(&input.bucket)?;
    if input.delete.objects.len() > KEYS_LIMIT {
        return Err(s3_error!(MalformedXML, "At most {KEYS_LIMIT} keys can be deleted at once"));
    }
    let (bucket, objects) = (input.bucket, input.delete.objects);
    let quiet = input.delete.quiet.unwrap_or(false);
    let outcomes = state.commits.run(move |writer: &mut Writer<'_>| {
        writer.check_bucket(&bucket)?;
        objects
            .into_iter()
            .map(|object| delete_one_of_many(writer, &bucket, object))
            .collect::<Result<Vec<_>, Refusal>>()
    });
    let mut output = DeleteObjectsOutput { deleted: Some(Vec::new()), errors: Some(Vec::new()), request_charged: None };
    for (key, outcome) in outcomes.await? {
        match outcome {
            Err(error) => output.errors.get_or_insert_default().push(described(key, &error)),
            Ok(()) if quiet => {}
            Ok(()) => output
                .deleted
                .get_or_insert_default()
                .push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
        }
    }
    Ok(output)
}

fn delete(writer: &mut Writer<'_>, bucket: &str, key: &str, conditions: &WriteConditions) -> Result<(), Refusal> {
    writer.check_bucket(bucket)?;
    conditions.check(writer.object(bucket, key)?.as_ref().map(|object| object.etag.as_str()))?;
    writer.remove_object(bucket, key)
}

type Outcome = (String, S3Result<()>);

fn delete_one_of_many(writer: &mut Writer<'_>, bucket: &str, object: ObjectIdentifier) -> Result<Outcome, Refusal> {
    let conditions = WriteConditions { if_match: object.e_tag.map(ETagCondition::ETag), if_none_match: None };
    match delete(writer, bucket, &object.key, &conditions) {
        Ok(()) => Ok((object.key, Ok(()))),
        Err(Refusal::Request(error)) => Ok((object.key, Err(error))),
        Err(storage) => Err(storage),
    }
}

fn described(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}
