//! The cloud's template, read as CloudFormation reads it: what is declared there is what tests set up and compare.
//!
//! Tags become the long form that they abbreviate; references are resolved with the defaults of the parameters, or
//! with what a test puts in their place. What a test does not need is not here: no transform is run (`tests/cloud/`
//! does that with SAM's own), so properties are those that are written, and the `Globals` of functions beneath them.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use crate::harness::Mode;

/// The account and the region in names that the template makes of itself.
pub const ACCOUNT: &str = "123456789012";
/// See [`ACCOUNT`].
pub const REGION: &str = "us-east-1";

/// The template, with values for its parameters.
pub struct Template {
    document: Value,
    parameters: BTreeMap<String, Value>,
}

/// A function that a queue drives.
#[derive(Debug)]
pub struct Consumer {
    /// The name of its binary.
    pub binary: String,
    /// The logical name of its queue.
    pub queue: String,
    /// The most messages that it gets at once.
    pub batch: usize,
    /// Whether it tells which messages of a batch failed.
    pub reports_items: bool,
    /// The longest run, in seconds.
    pub timeout: u64,
}

/// What a bucket tells a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The logical name of the bucket.
    pub bucket: String,
    /// The logical name of the queue.
    pub queue: String,
    /// What happens to objects, `s3:ObjectCreated:*` for one.
    pub event: String,
    /// How keys begin.
    pub prefix: String,
    /// How they end.
    pub suffix: String,
}

impl Template {
    /// The template of this tree. `parameters` go before the defaults.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read(parameters: &[(&str, &str)]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let text = std::fs::read_to_string(path).expect("a template");
        let documents = Yaml::load_from_str(&text).expect("YAML");
        let document = long_form(documents.first().expect("a document"));
        let mut values = BTreeMap::new();
        for (name, parameter) in document["Parameters"].as_object().into_iter().flatten() {
            let given = parameters.iter().find(|(given, _)| given == name).map(|(_, value)| (*value).to_owned());
            let Some(text) = given.or_else(|| text_of(&parameter["Default"])) else { continue };
            let value = match parameter["Type"].as_str() {
                Some("Number") => json!(text.parse::<i64>().expect("a number")),
                Some("CommaDelimitedList") => text.split(',').collect(),
                _ => json!(text),
            };
            values.insert(name.clone(), value);
        }
        Self { document, parameters: values }
    }

    /// The resources of a type that there are with these parameters, by their logical names, as they are written.
    pub fn resources(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.document["Resources"].as_object().into_iter().flatten();
        let there = move |resource: &Value| {
            resource["Type"] == kind && resource["Condition"].as_str().is_none_or(|name| self.holds(name))
        };
        resources.filter(move |(_, resource)| there(resource)).map(|(name, resource)| (&**name, resource))
    }

    fn holds(&self, condition: &str) -> bool {
        self.condition(&self.document["Conditions"][condition])
    }

    /// The properties of one resource, with every reference resolved.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn properties(&self, name: &str) -> Value {
        let resource = &self.document["Resources"][name];
        assert!(resource.is_object(), "no {name} in the template");
        self.resolve(&resource["Properties"])
    }

    /// What the buckets tell the queues.
    pub fn news(&self) -> Vec<News> {
        let mut news = Vec::new();
        for (bucket, _) in self.resources("AWS::S3::Bucket") {
            let properties = self.properties(bucket);
            let queues = properties["NotificationConfiguration"]["QueueConfigurations"].as_array();
            for configuration in queues.into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let rules = configuration["Filter"]["S3Key"]["Rules"].as_array().cloned().unwrap_or_default();
                let rule = |name: &str| {
                    rules.iter().find(|rule| rule["Name"] == name).map(|rule| text(&rule["Value"])).unwrap_or_default()
                };
                let queue = text(&configuration["Queue"]).rsplit(':').next().unwrap_or_default().to_owned();
                let (prefix, suffix, event) = (rule("prefix"), rule("suffix"), text(&configuration["Event"]));
                news.push(News { bucket: bucket.to_owned(), queue, event, prefix, suffix });
            }
        }
        news
    }

    /// Every statement of the policies that the function of that binary has of its own.
    ///
    /// # Panics
    /// If there is no such function.
    pub fn statements(&self, binary: &str) -> Vec<Value> {
        let properties = self.properties(self.function(binary));
        let mut found = Vec::new();
        let mut take = |policy: &Value| {
            let document = match policy {
                Value::String(name) => self.properties(name)["PolicyDocument"].clone(),
                other => other.get("PolicyDocument").unwrap_or(other).clone(),
            };
            let statements = &document["Statement"];
            found.extend(statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]));
        };
        let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
        each(&properties["Policies"]).iter().for_each(&mut take);
        if let Some(role) = properties["Role"].as_str() {
            let role = self.properties(role.rsplit(':').next().unwrap_or_default());
            each(&role["ManagedPolicyArns"]).iter().chain(&each(&role["Policies"])).for_each(&mut take);
        }
        found
    }

    /// The logical name of the function of a binary.
    fn function(&self, binary: &str) -> &str {
        let mut functions = self.resources("AWS::Serverless::Function");
        let found = functions.find(|(_, function)| function["Metadata"]["BuildProperties"]["Binary"] == binary);
        found.unwrap_or_else(|| panic!("no function of {binary} in the template")).0
    }

    /// How the function of that binary answers: what `RESPONSE_MODE` says.
    ///
    /// # Panics
    /// If there is no such function, or it does not say.
    pub fn mode(&self, binary: &str) -> Mode {
        let name = self.function(binary);
        match self.function_property(name, "/Environment/Variables/RESPONSE_MODE").as_str() {
            Some("stream") => Mode::Streamed,
            Some("buffered") => Mode::Buffered,
            other => panic!("RESPONSE_MODE of {name} is {other:?}"),
        }
    }

    /// Every function that a queue drives.
    pub fn consumers(&self) -> Vec<Consumer> {
        let mut consumers = Vec::new();
        for (name, function) in self.resources("AWS::Serverless::Function") {
            for event in function["Properties"]["Events"].as_object().into_iter().flatten().map(|(_, event)| event) {
                if event["Type"] != "SQS" {
                    continue;
                }
                let source = &event["Properties"];
                let batch = self.resolve(&source["BatchSize"]).as_u64().and_then(|size| usize::try_from(size).ok());
                let reports = source["FunctionResponseTypes"].as_array();
                consumers.push(Consumer {
                    binary: text_of(&function["Metadata"]["BuildProperties"]["Binary"]).expect("a binary"),
                    queue: source["Queue"]["Fn::GetAtt"][0].as_str().expect("a queue of the template").to_owned(),
                    // What SAM leaves to Lambda (Lambda API, CreateEventSourceMapping).
                    batch: batch.unwrap_or(10),
                    reports_items: reports.is_some_and(|types| types.contains(&json!("ReportBatchItemFailures"))),
                    timeout: self.function_property(name, "/Timeout").as_u64().expect("a time"),
                });
            }
        }
        consumers
    }

    /// A property of a function, its own or that of all functions.
    fn function_property(&self, name: &str, pointer: &str) -> Value {
        let own = self.document["Resources"][name]["Properties"].pointer(pointer);
        let of_all = self.document["Globals"]["Function"].pointer(pointer);
        self.resolve(own.or(of_all).unwrap_or(&Value::Null))
    }

    /// A value with every reference in it resolved. `AWS::NoValue` is absent from where it stood.
    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => match single(map) {
                Some(("Ref", Value::String(name))) => self.reference(name),
                Some(("Fn::GetAtt", Value::Array(path))) => attribute(path),
                Some(("Fn::Sub", Value::String(text))) => json!(self.substitute(text, &Map::new())),
                Some(("Fn::Sub", Value::Array(parts))) => {
                    let own = parts.get(1).map(|own| self.resolve(own)).unwrap_or_default();
                    json!(self.substitute(parts[0].as_str().expect("a text"), own.as_object().unwrap_or(&Map::new())))
                }
                Some(("Fn::If", Value::Array(parts))) => {
                    let holds = self.holds(parts[0].as_str().unwrap_or_default());
                    self.resolve(&parts[if holds { 1 } else { 2 }])
                }
                Some(("Fn::Join", Value::Array(parts))) => {
                    let texts = self.resolve(&parts[1]);
                    let texts: Vec<_> = texts.as_array().into_iter().flatten().filter_map(text_of).collect();
                    json!(texts.join(parts[0].as_str().unwrap_or_default()))
                }
                _ => {
                    let resolved = map.iter().map(|(name, value)| (name.clone(), self.resolve(value)));
                    Value::Object(resolved.filter(|(_, value)| !value.is_null()).collect())
                }
            },
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).filter(|item| !item.is_null()).collect(),
            other => other.clone(),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match (name, self.parameters.get(name)) {
            ("AWS::NoValue", _) => Value::Null,
            ("AWS::Partition", _) => json!("aws"),
            ("AWS::Region", _) => json!(REGION),
            ("AWS::AccountId", _) => json!(ACCOUNT),
            ("AWS::URLSuffix", _) => json!("amazonaws.com"),
            ("AWS::StackName", _) => json!("pannier"),
            (_, Some(value)) => value.clone(),
            // Of a resource: the name that the service would give it is not known before it is made.
            (_, None) => json!(name),
        }
    }

    fn substitute(&self, text: &str, own: &Map<String, Value>) -> String {
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').expect("an end of the name");
            let value = match (name.strip_prefix('!'), own.get(name), name.split_once('.')) {
                (Some(literal), _, _) => format!("${{{literal}}}"),
                (_, Some(value), _) => text_of(value).unwrap_or_default(),
                (_, _, Some((name, of))) => text_of(&attribute(&[json!(name), json!(of)])).unwrap_or_default(),
                _ => text_of(&self.reference(name)).unwrap_or_default(),
            };
            out.push_str(&value);
            out.push_str(rest);
        }
        out
    }

    fn condition(&self, value: &Value) -> bool {
        match value.as_object().and_then(single) {
            Some(("Condition", Value::String(name))) => self.holds(name),
            Some(("Fn::Not", Value::Array(of))) => !self.condition(&of[0]),
            Some(("Fn::And", Value::Array(of))) => of.iter().all(|one| self.condition(one)),
            Some(("Fn::Or", Value::Array(of))) => of.iter().any(|one| self.condition(one)),
            Some(("Fn::Equals", Value::Array(of))) => {
                text_of(&self.resolve(&of[0])).unwrap_or_default() == text_of(&self.resolve(&of[1])).unwrap_or_default()
            }
            _ => panic!("no condition: {value}"),
        }
    }
}

/// The ARN of a queue or another thing is made of its logical name.
fn attribute(path: &[Value]) -> Value {
    let part = |index: usize| path.get(index).and_then(Value::as_str).unwrap_or_default();
    match part(1) {
        "Arn" => json!(format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", part(0))),
        "QueueName" => json!(part(0)),
        of => json!(format!("{}.{of}", part(0))),
    }
}

fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    (map.len() == 1).then(|| map.iter().next()).flatten().map(|(name, value)| (&**name, value))
}

/// A scalar as the text it is in a name or an environment variable.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(whether) => Some(whether.to_string()),
        _ => None,
    }
}

/// A node with each tag in its long form (CloudFormation user guide, "Intrinsic function reference").
fn long_form(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Tagged(tag, inner) => {
            let (name, value) = (&*tag.suffix, long_form(inner));
            match (name, &value) {
                ("Ref" | "Condition", _) => json!({ name: value }),
                ("GetAtt", Value::String(path)) => {
                    let (resource, of) = path.split_once('.').expect("a resource and its attribute");
                    json!({ "Fn::GetAtt": [resource, of] })
                }
                _ => json!({ format!("Fn::{name}"): value }),
            }
        }
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(map) => {
            let entries =
                map.iter().map(|(name, value)| (text_of(&long_form(name)).expect("a name"), long_form(value)));
            Value::Object(entries.collect())
        }
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::Boolean(whether)) => json!(whether),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::Null) => Value::Null,
        other => panic!("nothing that a template has: {other:?}"),
    }
}
