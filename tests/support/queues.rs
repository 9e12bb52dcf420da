//! The queues of the template on a server that speaks SQS (moto), and what Lambda does between a queue and a function:
//! an event source mapping takes batches, deletes what the function did, and leaves the rest to come back.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::harness::Function;
use crate::stack::free_address;
use crate::template::{Consumer, REGION, Template};
use crate::{client, require};

/// Every queue of a template. The server ends with this.
pub struct Queues {
    url: String,
    http: reqwest::Client,
    _server: Child,
}

/// One delivery of a message to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Of the message.
    pub id: String,
    /// How many messages came with it, itself included.
    pub batch: usize,
    /// Whether the function gave it back.
    pub failed: bool,
}

impl Queues {
    /// Makes the template's queues; `None` after saying what is missing for it.
    ///
    /// # Panics
    /// If the server does not start or does not take a queue.
    pub async fn start(template: &Template) -> Option<Self> {
        let program = require::python_tool("moto_server")?;
        let url = free_address();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", url.rsplit(':').next().unwrap_or_default()]);
        let mut server = command
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto starts");
        let http = reqwest::Client::new();
        while http.get(format!("{url}/moto-api/data.json")).send().await.is_err() {
            assert!(server.try_wait().expect("a child").is_none(), "moto ended");
            tokio::task::yield_now().await;
        }
        let queues = Self { url, http, _server: server };
        let names: Vec<&str> = template.resources("AWS::SQS::Queue").map(|(name, _)| name).collect();
        // A queue names its dead-letter queue, which has to be there.
        let (sources, ends): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| template.properties(name)["RedrivePolicy"].is_object());
        for name in ends.into_iter().chain(sources) {
            queues.make(name, &template.properties(name)).await;
        }
        Some(queues)
    }

    /// CloudFormation's names of attributes are SQS's own.
    async fn make(&self, name: &str, properties: &Value) {
        let properties = properties.as_object().into_iter().flatten();
        let attributes: serde_json::Map<String, Value> = properties
            .filter(|(attribute, _)| !matches!(attribute.as_str(), "QueueName" | "Tags"))
            .map(|(attribute, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (attribute.clone(), json!(text))
            })
            .collect();
        self.ask("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
    }

    /// An action with what it asks for (Amazon SQS API, JSON protocol).
    async fn ask(&self, action: &str, what: Value) -> Value {
        let scope = format!("Credential=test/20250101/{REGION}/sqs/aws4_request, SignedHeaders=host, Signature=0");
        let request = self.http.post(&self.url).header("Content-Type", "application/x-amz-json-1.0");
        let request = request.header("X-Amz-Target", format!("AmazonSQS.{action}"));
        let request = request.header("Authorization", format!("AWS4-HMAC-SHA256 {scope}")).body(what.to_string());
        let answer = request.send().await.expect("moto answers");
        let status = answer.status();
        let text = answer.text().await.expect("a whole answer");
        assert!(status.is_success(), "{action} of {what}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    /// The URL by which a queue is called.
    async fn url_of(&self, queue: &str) -> Value {
        self.ask("GetQueueUrl", json!({ "QueueName": queue })).await["QueueUrl"].take()
    }

    /// Sends a message; its identifier.
    pub async fn send(&self, queue: &str, body: &str) -> String {
        let sent = self.ask("SendMessage", json!({ "QueueUrl": self.url_of(queue).await, "MessageBody": body })).await;
        sent["MessageId"].as_str().expect("an identifier").to_owned()
    }

    /// An attribute of a queue that is a number.
    pub async fn number(&self, queue: &str, attribute: &str) -> u64 {
        let what = json!({ "QueueUrl": self.url_of(queue).await, "AttributeNames": ["All"] });
        let text = self.ask("GetQueueAttributes", what).await["Attributes"][attribute].take();
        text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {attribute} of {queue}"))
    }

    /// Messages of a queue that are neither deleted nor given up, seen by somebody or not.
    pub async fn left(&self, queue: &str) -> u64 {
        let hidden = self.number(queue, "ApproximateNumberOfMessagesNotVisible").await;
        self.number(queue, "ApproximateNumberOfMessages").await + hidden
    }

    /// Takes up to ten messages: their bodies.
    pub async fn bodies(&self, queue: &str) -> Vec<String> {
        let messages = self.receive(queue, 10).await;
        messages.iter().map(|message| message["Body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn receive(&self, queue: &str, most: usize) -> Vec<Value> {
        let what = json!({ "QueueUrl": self.url_of(queue).await, "MaxNumberOfMessages": most.min(10),
            "WaitTimeSeconds": 0, "AttributeNames": ["All"] });
        self.ask("ReceiveMessage", what).await["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// Feeds a function from its queue until nothing is left there; every delivery in its order.
    ///
    /// A message that comes back stays hidden for the queue's visibility timeout, minutes or hours. Here that time is
    /// over at once: nothing else is changed.
    ///
    /// # Panics
    /// If it does not come to an end.
    pub async fn drain(&self, consumer: &Consumer, function: &Function) -> Vec<Delivery> {
        let (queue, started) = (&consumer.queue, tokio::time::Instant::now());
        let mut deliveries = Vec::new();
        while self.left(queue).await > 0 {
            assert!(started.elapsed() < client::PATIENCE, "{queue} does not end: {deliveries:?}");
            let messages = self.receive(queue, consumer.batch).await;
            if messages.is_empty() {
                continue;
            }
            let failed = failures(consumer, &function.invoke(event(queue, &messages)).await, &messages);
            let url = self.url_of(queue).await;
            for message in &messages {
                let id = message["MessageId"].as_str().expect("an identifier").to_owned();
                let (failed, receipt) = (failed.contains(&id), &message["ReceiptHandle"]);
                deliveries.push(Delivery { id, batch: messages.len(), failed });
                if failed {
                    let what = json!({ "QueueUrl": url, "ReceiptHandle": receipt, "VisibilityTimeout": 0 });
                    self.ask("ChangeMessageVisibility", what).await;
                } else {
                    self.ask("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": receipt })).await;
                }
            }
        }
        deliveries
    }
}

/// What a function is handed of messages (AWS Lambda developer guide, "Using Lambda with Amazon SQS").
fn event(queue: &str, messages: &[Value]) -> Value {
    let record = |message: &Value| {
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{}:{queue}", crate::template::ACCOUNT),
            "awsRegion": REGION,
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

/// The messages that come back (the same guide, "Handling errors for an SQS event source"): those that are named; all
/// after an error, a name that is not in the batch or an answer that is none, or where the mapping is not told to look.
fn failures(consumer: &Consumer, answer: &Value, messages: &[Value]) -> Vec<String> {
    let all = || messages.iter().filter_map(|message| message["MessageId"].as_str()).map(str::to_owned).collect();
    if answer.get("errorType").is_some() {
        return all();
    }
    if !consumer.reports_items {
        return Vec::new();
    }
    let Some(named) = answer["batchItemFailures"].as_array() else { return Vec::new() };
    let named: Option<Vec<String>> = named
        .iter()
        .map(|failure| {
            let id = failure["itemIdentifier"].as_str()?;
            messages.iter().any(|message| message["MessageId"] == id).then(|| id.to_owned())
        })
        .collect();
    named.unwrap_or_else(all)
}
