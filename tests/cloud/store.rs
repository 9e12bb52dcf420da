//! The bucket.

use serde_json::{Value, json};

use super::document::{Document, each, target};

/// What may be read by CloudFront.
const PUBLIC: [&str; 2] = ["${BucketName}/images/*", "${BucketName}/audio/*"];

/// Closed, encrypted, by TLS alone; what browsers need of it; what it forgets.
pub(super) fn bucket(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    let of = |path: &str| document.property("Bucket", path);
    let mut expect = |what: &str, is: bool| {
        if !is {
            found.push(what.to_owned());
        }
    };
    for block in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        expect(&format!("{block} is off"), of(&format!("/PublicAccessBlockConfiguration/{block}")) == true);
    }
    expect(
        "it is gone with the stack",
        document.find("Bucket").is_some_and(|it| it.value["DeletionPolicy"] == "Retain"),
    );
    expect("objects have owners", of("/OwnershipControls/Rules/0/ObjectOwnership") == "BucketOwnerEnforced");
    let by = of("/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm");
    expect("it is not encrypted as the parameter says", *by == json!({ "Ref": "Encryption" }));
    expect("it keeps versions", of("/VersioningConfiguration").is_null());
    let cors = of("/CorsConfiguration/CorsRules/0");
    expect("scripts cannot read an ETag", each(&cors["ExposedHeaders"]).contains(&&json!("ETag")));
    expect(
        "browsers cannot send to it",
        ["PUT", "POST"].iter().all(|method| each(&cors["AllowedMethods"]).contains(&&json!(method))),
    );
    let rules = each(of("/LifecycleConfiguration/Rules"));
    let on = |rule: &&&Value| rule["Status"] == "Enabled";
    let aborts = |rule: &&Value| {
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].is_u64() && rule.get("Prefix").is_none()
    };
    expect("unfinished multipart uploads stay", rules.iter().filter(on).any(aborts));
    let expires = |rule: &&Value| rule["Prefix"] == "assembled/" && rule["ExpirationInDays"] == 2;
    expect("assembled archives stay", rules.iter().filter(on).any(expires));
    let others = rules.iter().filter(|rule| rule.get("ExpirationInDays").is_some() && !expires(rule)).count();
    expect("it forgets something else", others == 0);
    found.extend(policy(document));
    found
}

/// Its policy: nothing without TLS, and of what it holds CloudFront may have what is public.
fn policy(document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    let policies: Vec<_> = document
        .of("AWS::S3::BucketPolicy")
        .filter(|policy| target(policy.at("/Bucket")) == Some("Bucket"))
        .flat_map(|policy| each(policy.at("/PolicyDocument/Statement")))
        .collect();
    let refuses = policies.iter().any(|statement| {
        statement["Effect"] == "Deny"
            && statement["Principal"] == "*"
            && statement["Action"] == "s3:*"
            && each(&statement["Resource"]).len() == 2
            && statement["Condition"] == json!({ "Bool": { "aws:SecureTransport": "false" } })
    });
    if !refuses {
        found.push("it talks without TLS".to_owned());
    }
    for statement in policies.iter().filter(|statement| statement["Effect"] == "Allow") {
        let mut read: Vec<_> = each(&statement["Resource"])
            .into_iter()
            .map(|resource| resource["Fn::Sub"].as_str().unwrap_or("*").rsplit(":::").next().unwrap_or("*"))
            .collect();
        read.sort_unstable();
        read.reverse();
        let from = &statement["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"];
        let ours = from.as_str().is_some_and(|arn| arn.ends_with(":distribution/${Cdn}"));
        if statement["Principal"] != json!({ "Service": "cloudfront.amazonaws.com" })
            || statement["Action"] != "s3:GetObject"
            || read != PUBLIC
            || !ours
        {
            found.push(format!("it allows {statement}"));
        }
    }
    found
}
