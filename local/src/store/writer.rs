//! The open tables of one write transaction, and the few ways to change them.
//!
//! Every method that changes something keeps the reference counts of the blobs right. A job checks
//! everything that can refuse it before it calls the first of them: a transaction is shared by many
//! jobs and cannot take back the work of one.

use redb::{ReadableTable, Table, WriteTransaction};

use super::blobs::NewBlob;
use super::error::{Refusal, no_such_bucket, no_such_key, no_such_upload};
use super::event::{Event, EventKind};
use super::index::{BLOBS, BODIES, BUCKETS, OBJECTS, ObjectKey, PARTS, PartKey, Row, UPLOADS, UploadKey};
use super::row::{Body, Object, Part, Upload};

/// What a job of the commit thread works with.
pub(super) struct Writer<'t> {
    buckets: Table<'t, &'static str, i64>,
    objects: Table<'t, ObjectKey, Row>,
    bodies: Table<'t, ObjectKey, Row>,
    blobs: Table<'t, u64, u32>,
    uploads: Table<'t, UploadKey, Row>,
    parts: Table<'t, PartKey, Row>,
    pub(super) effects: Effects,
}

/// What follows from a transaction once it is durable.
#[derive(Default)]
pub(super) struct Effects {
    /// Something was written at all.
    pub(super) changed: bool,
    pub(super) events: Vec<Event>,
    /// New blobs that rows refer to now.
    pub(super) kept: Vec<NewBlob>,
    /// Blobs without a reference, to be removed.
    pub(super) freed: Vec<u64>,
}

impl<'t> Writer<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Refusal> {
        Ok(Self {
            buckets: transaction.open_table(BUCKETS)?,
            objects: transaction.open_table(OBJECTS)?,
            bodies: transaction.open_table(BODIES)?,
            blobs: transaction.open_table(BLOBS)?,
            uploads: transaction.open_table(UPLOADS)?,
            parts: transaction.open_table(PARTS)?,
            effects: Effects::default(),
        })
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> Result<bool, Refusal> {
        Ok(self.buckets.get(bucket)?.is_some())
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn check_bucket(&self, bucket: &str) -> Result<(), Refusal> {
        if self.has_bucket(bucket)? { Ok(()) } else { Err(no_such_bucket().into()) }
    }

    /// Whether neither an object nor an unfinished upload is in the bucket.
    pub(super) fn is_empty(&self, bucket: &str) -> Result<bool, Refusal> {
        let object = self.objects.range((bucket, "")..)?.next().transpose()?;
        let upload = self.uploads.range((bucket, "", "")..)?.next().transpose()?;
        Ok(object.is_none_or(|(key, _)| key.value().0 != bucket)
            && upload.is_none_or(|(key, _)| key.value().0 != bucket))
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<Option<Object>, Refusal> {
        let row = self.objects.get((bucket, key))?;
        Ok(row.map(|row| Object::decode(row.value())).transpose()?)
    }

    /// # Errors
    /// `NoSuchKey`, or `NoSuchBucket` where that is the reason.
    pub(super) fn object_and_body(&self, bucket: &str, key: &str) -> Result<(Object, Body), Refusal> {
        let Some(object) = self.object(bucket, key)? else {
            return self.check_bucket(bucket).and_then(|()| Err(no_such_key().into()));
        };
        let row = self.bodies.get((bucket, key))?;
        let body = Body::decode(row.as_ref().map_or(&[][..], |row| row.value()))?;
        Ok((object, body))
    }

    /// # Errors
    /// `NoSuchUpload`.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, Refusal> {
        let row = self.uploads.get((bucket, key, id))?.ok_or_else(no_such_upload)?;
        Ok(Upload::decode(row.value())?)
    }

    pub(super) fn part(&self, upload: &str, number: u32) -> Result<Option<Part>, Refusal> {
        let row = self.parts.get((upload, number))?;
        Ok(row.map(|row| Part::decode(row.value())).transpose()?)
    }

    pub(super) fn put_bucket(&mut self, bucket: &str, created: i64) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.buckets.insert(bucket, created)?;
        Ok(())
    }

    pub(super) fn remove_bucket(&mut self, bucket: &str) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.buckets.remove(bucket)?;
        Ok(())
    }

    /// Creates or replaces an object. The references of the new body are counted before those of the
    /// old one are given back, so that copying an object onto itself keeps its blobs.
    pub(super) fn put_object(&mut self, bucket: &str, key: &str, object: &Object, body: &Body) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.refer(body.blobs())?;
        self.objects.insert((bucket, key), object.encode().as_slice())?;
        let old = self.bodies.insert((bucket, key), body.encode().as_slice())?;
        let old = old.map(|row| Body::decode(row.value())).transpose()?;
        if let Some(old) = old {
            self.release(old.blobs())?;
        }
        self.tell(bucket, key, object, EventKind::Created);
        Ok(())
    }

    /// Removes an object; one that is not there is no error.
    pub(super) fn remove_object(&mut self, bucket: &str, key: &str) -> Result<(), Refusal> {
        let Some(object) = self.object(bucket, key)? else {
            return Ok(());
        };
        self.effects.changed = true;
        self.objects.remove((bucket, key))?;
        let old = self.bodies.remove((bucket, key))?.map(|row| Body::decode(row.value())).transpose()?;
        if let Some(old) = old {
            self.release(old.blobs())?;
        }
        self.tell(bucket, key, &object, EventKind::Deleted);
        Ok(())
    }

    pub(super) fn put_upload(&mut self, bucket: &str, key: &str, id: &str, upload: &Upload) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.uploads.insert((bucket, key, id), upload.encode().as_slice())?;
        Ok(())
    }

    /// Removes an upload with all its parts.
    pub(super) fn remove_upload(&mut self, bucket: &str, key: &str, id: &str) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.uploads.remove((bucket, key, id))?;
        let mut parts = Vec::new();
        for row in self.parts.range((id, 0)..=(id, u32::MAX))? {
            let (number, part) = row?;
            parts.push((number.value().1, Part::decode(part.value())?));
        }
        for (number, part) in parts {
            self.parts.remove((id, number))?;
            self.release(part.chunks.iter().map(|chunk| chunk.blob))?;
        }
        Ok(())
    }

    /// Creates or replaces a part.
    pub(super) fn put_part(&mut self, upload: &str, number: u32, part: &Part) -> Result<(), Refusal> {
        self.effects.changed = true;
        self.refer(part.chunks.iter().map(|chunk| chunk.blob))?;
        let old = self.parts.insert((upload, number), part.encode().as_slice())?;
        let old = old.map(|row| Part::decode(row.value())).transpose()?;
        if let Some(old) = old {
            self.release(old.chunks.iter().map(|chunk| chunk.blob))?;
        }
        Ok(())
    }

    /// The rows written by this job refer to these new blobs.
    pub(super) fn keep(&mut self, blob: Option<NewBlob>) {
        self.effects.kept.extend(blob);
    }

    fn refer(&mut self, blobs: impl Iterator<Item = u64>) -> Result<(), Refusal> {
        for blob in blobs {
            let count = self.blobs.get(blob)?.map_or(0, |count| count.value());
            self.blobs.insert(blob, count + 1)?;
        }
        Ok(())
    }

    fn release(&mut self, blobs: impl Iterator<Item = u64>) -> Result<(), Refusal> {
        for blob in blobs {
            let count = self.blobs.get(blob)?.map_or(0, |count| count.value());
            if count > 1 {
                self.blobs.insert(blob, count - 1)?;
            } else {
                self.blobs.remove(blob)?;
                self.effects.freed.push(blob);
            }
        }
        Ok(())
    }

    fn tell(&mut self, bucket: &str, key: &str, object: &Object, kind: EventKind) {
        self.effects.events.push(Event {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            size: object.size,
            etag: object.etag.clone(),
            crc32: object.crc32,
            kind,
        });
    }
}
