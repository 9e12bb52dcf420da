//! What the template declares of a bucket, applied to a store by S3's own calls: what is declared is what is tested.
//!
//! Each setting is put and read back. A store may refuse it, or take it and forget it: both are told, for a list of
//! them is what a test expects. A property that nobody here knows ends the test, so that none is passed over.

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, CorsConfiguration, CorsRule, Event, ExpirationStatus,
    FilterRule, FilterRuleName, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NotificationConfiguration,
    NotificationConfigurationFilter, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, QueueConfiguration, S3KeyFilter, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use serde_json::Value;

use crate::template::Template;

/// What became of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, as it was declared.
    Applied,
    /// The store said no, with this code.
    Refused(String),
    /// The store said yes, and something else is there.
    Dropped,
}

/// Applies what the template declares of a bucket, and of its policy, to `bucket`. `target` is the ARN by which the
/// store knows a queue of the template.
///
/// # Panics
/// If the template declares something that is not known here.
pub async fn provision(
    template: &Template,
    declared: &str,
    (s3, bucket): (&S3, &str),
    target: impl Fn(&str) -> String,
) -> Vec<(String, Outcome)> {
    let place = Place { s3, bucket };
    let mut outcomes = Vec::new();
    for (name, value) in template.properties(declared).as_object().into_iter().flatten() {
        let outcome = match name.as_str() {
            "BucketName" => continue,
            "PublicAccessBlockConfiguration" => place.public_access(value).await,
            "OwnershipControls" => place.ownership(value).await,
            "BucketEncryption" => place.encryption(value).await,
            "CorsConfiguration" => place.cors(value).await,
            "LifecycleConfiguration" => place.lifecycle(value).await,
            "NotificationConfiguration" => place.notifications(value, &target).await,
            other => panic!("{declared} declares {other}, which nobody applies"),
        };
        outcomes.push((name.clone(), outcome.unwrap_or_else(Outcome::Refused)));
    }
    for (name, policy) in template.resources("AWS::S3::BucketPolicy") {
        if policy["Properties"]["Bucket"]["Ref"] == declared {
            outcomes.extend(place.policy(&template.properties(name)["PolicyDocument"]).await);
        }
    }
    outcomes
}

/// A bucket of a store.
struct Place<'a> {
    s3: &'a S3,
    bucket: &'a str,
}

/// An error is the store's refusal.
type Done = Result<Outcome, String>;

impl Place<'_> {
    async fn public_access(&self, value: &Value) -> Done {
        let is = |name: &str| value[name].as_bool();
        let wanted = PublicAccessBlockConfiguration::builder()
            .set_block_public_acls(is("BlockPublicAcls"))
            .set_block_public_policy(is("BlockPublicPolicy"))
            .set_ignore_public_acls(is("IgnorePublicAcls"))
            .set_restrict_public_buckets(is("RestrictPublicBuckets"))
            .build();
        let put = self.s3.put_public_access_block().bucket(self.bucket);
        put.public_access_block_configuration(wanted.clone()).send().await.map_err(code)?;
        let found = self.s3.get_public_access_block().bucket(self.bucket).send().await.map_err(code)?;
        Ok(kept(found.public_access_block_configuration == Some(wanted)))
    }

    async fn ownership(&self, value: &Value) -> Done {
        let rules = list(&value["Rules"]).map(|rule| {
            let ownership = ObjectOwnership::from(text(&rule["ObjectOwnership"]).as_str());
            OwnershipControlsRule::builder().object_ownership(ownership).build().expect("a rule")
        });
        let wanted = OwnershipControls::builder().set_rules(Some(rules.collect())).build().expect("rules");
        let put = self.s3.put_bucket_ownership_controls().bucket(self.bucket);
        put.ownership_controls(wanted.clone()).send().await.map_err(code)?;
        let found = self.s3.get_bucket_ownership_controls().bucket(self.bucket).send().await.map_err(code)?;
        Ok(kept(found.ownership_controls == Some(wanted)))
    }

    async fn encryption(&self, value: &Value) -> Done {
        let mut wanted = ServerSideEncryptionConfiguration::builder();
        for rule in list(&value["ServerSideEncryptionConfiguration"]) {
            let default = &rule["ServerSideEncryptionByDefault"];
            let default = ServerSideEncryptionByDefault::builder()
                .sse_algorithm(ServerSideEncryption::from(text(&default["SSEAlgorithm"]).as_str()))
                .set_kms_master_key_id(default["KMSMasterKeyID"].as_str().map(str::to_owned))
                .build()
                .expect("an algorithm");
            let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default);
            wanted = wanted.rules(rule.build());
        }
        let wanted = wanted.build().expect("rules");
        let put = self.s3.put_bucket_encryption().bucket(self.bucket);
        put.server_side_encryption_configuration(wanted.clone()).send().await.map_err(code)?;
        let found = self.s3.get_bucket_encryption().bucket(self.bucket).send().await.map_err(code)?;
        let found = found.server_side_encryption_configuration.map(|found| found.rules).unwrap_or_default();
        let default = |rules: &[ServerSideEncryptionRule]| -> Vec<_> {
            rules.iter().map(|rule| rule.apply_server_side_encryption_by_default.clone()).collect()
        };
        Ok(kept(default(&found) == default(&wanted.rules)))
    }

    async fn cors(&self, value: &Value) -> Done {
        let rules: Vec<CorsRule> = list(&value["CorsRules"]).map(cors_rule).collect();
        let wanted = CorsConfiguration::builder().set_cors_rules(Some(rules.clone())).build().expect("rules");
        self.s3.put_bucket_cors().bucket(self.bucket).cors_configuration(wanted).send().await.map_err(code)?;
        let found = self.s3.get_bucket_cors().bucket(self.bucket).send().await.map_err(code)?;
        Ok(kept(found.cors_rules() == rules))
    }

    async fn lifecycle(&self, value: &Value) -> Done {
        let rules: Vec<LifecycleRule> = list(&value["Rules"]).map(lifecycle_rule).collect();
        let wanted = BucketLifecycleConfiguration::builder().set_rules(Some(rules.clone())).build().expect("rules");
        let put = self.s3.put_bucket_lifecycle_configuration().bucket(self.bucket);
        put.lifecycle_configuration(wanted).send().await.map_err(code)?;
        let found = self.s3.get_bucket_lifecycle_configuration().bucket(self.bucket).send().await.map_err(code)?;
        let same = |wanted: &LifecycleRule| {
            found.rules().iter().any(|rule| {
                let aborts = wanted.abort_incomplete_multipart_upload == rule.abort_incomplete_multipart_upload;
                rule.id == wanted.id && aborts && days(rule) == days(wanted)
            })
        };
        Ok(kept(rules.iter().all(same)))
    }

    async fn notifications(&self, value: &Value, target: &impl Fn(&str) -> String) -> Done {
        for kind in value.as_object().into_iter().flatten().map(|(kind, _)| kind) {
            assert_eq!(kind, "QueueConfigurations", "nobody applies it");
        }
        let queues: Vec<QueueConfiguration> =
            list(&value["QueueConfigurations"]).map(|queue| queue_configuration(queue, target)).collect();
        let wanted = NotificationConfiguration::builder().set_queue_configurations(Some(queues.clone())).build();
        let put = self.s3.put_bucket_notification_configuration().bucket(self.bucket);
        put.notification_configuration(wanted).send().await.map_err(code)?;
        let found = self.s3.get_bucket_notification_configuration().bucket(self.bucket).send().await.map_err(code)?;
        let there = |wanted: &QueueConfiguration| found.queue_configurations().iter().any(|queue| same(queue, wanted));
        Ok(kept(queues.iter().all(there)))
    }

    /// What it says to the cloud's own services is told apart: another store does not know them, and takes the rest.
    async fn policy(&self, document: &Value) -> Vec<(String, Outcome)> {
        let (services, others): (Vec<&Value>, Vec<&Value>) =
            list(&document["Statement"]).partition(|statement| statement["Principal"]["Service"].is_string());
        let whole = self.put_policy(document).await.unwrap_or_else(Outcome::Refused);
        let mut outcomes = Vec::new();
        if !services.is_empty() && whole != Outcome::Applied {
            let mut rest = document.clone();
            rest["Statement"] = others.into_iter().cloned().collect();
            let rest = self.put_policy(&rest).await.unwrap_or_else(Outcome::Refused);
            outcomes.push(("BucketPolicy".to_owned(), rest));
            outcomes.push(("BucketPolicy for services".to_owned(), whole));
        } else {
            outcomes.push(("BucketPolicy".to_owned(), whole));
        }
        outcomes
    }

    async fn put_policy(&self, document: &Value) -> Done {
        let put = self.s3.put_bucket_policy().bucket(self.bucket).policy(document.to_string());
        put.send().await.map_err(code)?;
        let found = self.s3.get_bucket_policy().bucket(self.bucket).send().await.map_err(code)?;
        let found: Value = serde_json::from_str(found.policy().unwrap_or_default()).unwrap_or_default();
        Ok(kept(list(&found["Statement"]).count() == list(&document["Statement"]).count()))
    }
}

fn cors_rule(rule: &Value) -> CorsRule {
    let texts = |name: &str| Some(list(&rule[name]).map(text).collect());
    let age = rule["MaxAge"].as_i64().and_then(|seconds| i32::try_from(seconds).ok());
    CorsRule::builder()
        .set_allowed_methods(texts("AllowedMethods"))
        .set_allowed_origins(texts("AllowedOrigins"))
        .set_allowed_headers(texts("AllowedHeaders"))
        .set_expose_headers(texts("ExposedHeaders"))
        .set_max_age_seconds(age)
        .build()
        .expect("methods and origins")
}

fn lifecycle_rule(rule: &Value) -> LifecycleRule {
    let days = |value: &Value| value.as_i64().and_then(|days| i32::try_from(days).ok());
    for (name, _) in rule.as_object().into_iter().flatten() {
        let known = ["Id", "Status", "Prefix", "AbortIncompleteMultipartUpload", "ExpirationInDays"];
        assert!(known.contains(&name.as_str()), "a lifecycle rule declares {name}, which nobody applies");
    }
    let abort = days(&rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]);
    let expiry = days(&rule["ExpirationInDays"]);
    LifecycleRule::builder()
        .id(text(&rule["Id"]))
        .status(ExpirationStatus::from(text(&rule["Status"]).as_str()))
        .filter(LifecycleRuleFilter::builder().prefix(text(&rule["Prefix"])).build())
        .set_abort_incomplete_multipart_upload(
            abort.map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build()),
        )
        .set_expiration(expiry.map(|days| LifecycleExpiration::builder().days(days).build()))
        .build()
        .expect("a status")
}

fn days(rule: &LifecycleRule) -> Option<i32> {
    rule.expiration().and_then(LifecycleExpiration::days)
}

fn queue_configuration(queue: &Value, target: &impl Fn(&str) -> String) -> QueueConfiguration {
    let rules = list(&queue["Filter"]["S3Key"]["Rules"]).map(|rule| {
        let name = FilterRuleName::from(text(&rule["Name"]).as_str());
        FilterRule::builder().name(name).value(text(&rule["Value"])).build()
    });
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules.collect())).build();
    let declared = text(&queue["Queue"]);
    QueueConfiguration::builder()
        .queue_arn(target(declared.rsplit(':').next().unwrap_or_default()))
        .events(Event::from(text(&queue["Event"]).as_str()))
        .filter(NotificationConfigurationFilter::builder().key(key).build())
        .build()
        .expect("a queue and an event")
}

/// A store may give names and identifiers of its own; what counts is who is told of what.
fn same(found: &QueueConfiguration, wanted: &QueueConfiguration) -> bool {
    let rules = |queue: &QueueConfiguration| -> Vec<(String, String)> {
        let key = queue.filter().and_then(NotificationConfigurationFilter::key);
        let rules = key.map(S3KeyFilter::filter_rules).unwrap_or_default();
        let name = |rule: &FilterRule| rule.name().map(|name| name.as_str().to_lowercase()).unwrap_or_default();
        let mut rules: Vec<_> =
            rules.iter().map(|rule| (name(rule), rule.value().unwrap_or_default().to_owned())).collect();
        rules.sort();
        rules
    };
    found.queue_arn == wanted.queue_arn && found.events == wanted.events && rules(found) == rules(wanted)
}

fn kept(same: bool) -> Outcome {
    if same { Outcome::Applied } else { Outcome::Dropped }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the store calls its refusal.
fn code<E: ProvideErrorMetadata + std::fmt::Debug>(error: SdkError<E>) -> String {
    error.code().map_or_else(|| format!("{error:?}"), str::to_owned)
}
