//! moto in place of AWS, and a door of our own before it: it writes down what is asked, answers in its place where a test
//! says so, and adds to its answers what moto leaves out.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_sdk_rds::config::{BehaviorVersion, Credentials, Region};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::config::Config;
use shared::http::{Body, body};
use shared::instances::engine::{Engine, Password, Wanted};
use shared::instances::spec::Spec;
use tokio::net::TcpListener;

/// The variable in which a test finds moto.
pub(super) const MOTO: &str = "PANNIER_TEST_MOTO";

/// Whose instances they are.
pub(super) const OWNER: &str = "user1";

/// The store for which they are made.
pub(super) const SITE: &str = "0123456789abcdef";

/// What was asked.
#[derive(Clone)]
pub(super) struct Asked {
    action: String,
    pub(super) body: String,
    /// The headers by which AWS knows what it is and whose: `Authorization`, `Content-Type`, `X-Amz-Target`.
    pub(super) headers: [String; 3],
}

/// What is answered in moto's place.
struct Instead {
    action: &'static str,
    status: u16,
    body: String,
}

/// What the door does beside passing on.
#[derive(Default)]
struct Script {
    asked: Mutex<Vec<Asked>>,
    instead: Mutex<Vec<Instead>>,
    /// Texts in answers to an action, and what stands there instead.
    changed: Mutex<Vec<(&'static str, &'static str, &'static str)>>,
}

/// The cloud, with the engine under test.
pub(super) struct Cloud {
    script: Arc<Script>,
    pub(super) config: Config,
    pub(super) rds: aws_sdk_rds::Client,
    pub(super) elasticache: aws_sdk_elasticache::Client,
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
}

impl Cloud {
    /// With the network that an operator has.
    pub(super) async fn open() -> Self {
        let moto = shared::config::variable(MOTO).expect("run by the_engine_passes_before_moto");
        let script = Arc::new(Script::default());
        let (subnets, groups) =
            (ids(&moto, "DescribeSubnets", "subnetId").await, ids(&moto, "DescribeSecurityGroups", "groupId").await);
        let settings = [
            ("INSTANCES_ENGINE", "aws".to_owned()),
            ("INSTANCES_SUBNET_GROUP", "pannier-subnets".to_owned()),
            ("INSTANCES_SUBNETS", subnets.join(",")),
            ("INSTANCES_SECURITY_GROUPS", groups[0].clone()),
            ("INSTANCES_CLUSTER", "pannier-cluster".to_owned()),
            ("INSTANCES_EXECUTION_ROLE", "arn:aws:iam::123456789012:role/pannier-execution".to_owned()),
        ];
        let variable = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let mut config = Config::read(variable, None).unwrap();
        config.instances.aws.endpoint = Some(serve(moto.clone(), script.clone()).await);
        let cloud = Self {
            script,
            config,
            rds: aws_sdk_rds::Client::from_conf(settings_of!(aws_sdk_rds, &moto)),
            elasticache: aws_sdk_elasticache::Client::from_conf(settings_of!(aws_sdk_elasticache, &moto)),
            ecs: aws_sdk_ecs::Client::from_conf(settings_of!(aws_sdk_ecs, &moto)),
            secrets: aws_sdk_secretsmanager::Client::from_conf(settings_of!(aws_sdk_secretsmanager, &moto)),
        };
        // Another test may have made them before.
        let group = cloud.rds.create_db_subnet_group().db_subnet_group_name("pannier-subnets");
        let _ = group.db_subnet_group_description("x").set_subnet_ids(Some(subnets.clone())).send().await;
        let group = cloud.elasticache.create_cache_subnet_group().cache_subnet_group_name("pannier-subnets");
        let _ = group.cache_subnet_group_description("x").set_subnet_ids(Some(subnets)).send().await;
        cloud.ecs.create_cluster().cluster_name("pannier-cluster").send().await.unwrap();
        cloud
    }

    /// An engine that remembers nothing, as of a process that has just begun.
    pub(super) fn engine(&self) -> Engine {
        Engine::of(&self.config)
    }

    /// Where the engine finds all services.
    pub(super) fn door(&self) -> &str {
        self.config.instances.aws.endpoint.as_deref().unwrap()
    }

    /// The next call of an action is answered like this, and not by moto.
    pub(super) fn instead(&self, action: &'static str, status: u16, body: impl Into<String>) {
        self.script.instead.lock().unwrap().push(Instead { action, status, body: body.into() });
    }

    /// The next call of an action fails like this, as the services with XML do it.
    pub(super) fn fails(&self, action: &'static str, status: u16, code: &str) {
        let message = "User arn:aws:iam::123456789012:user/x in 123456789012";
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        self.instead(action, status, format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"));
    }

    /// From now on answers to an action have this text in place of that.
    pub(super) fn change(&self, action: &'static str, from: &'static str, to: &'static str) {
        self.script.changed.lock().unwrap().push((action, from, to));
    }

    /// Answers are moto's own again.
    pub(super) fn change_nothing(&self) {
        self.script.changed.lock().unwrap().clear();
    }

    /// The bodies of all calls of an action that were made until now, as a form or a JSON document.
    pub(super) fn asked(&self, action: &str) -> Vec<String> {
        self.sent(action).into_iter().map(|asked| asked.body).collect()
    }

    /// All calls of an action that were made until now.
    pub(super) fn sent(&self, action: &str) -> Vec<Asked> {
        let asked = self.script.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.action == action).cloned().collect()
    }

    /// The actions that were asked for since this was called the last time, without those that only look.
    pub(super) fn done(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.script.asked.lock().unwrap());
        let looks = |action: &str| ["Describe", "List", "Get"].iter().any(|word| action.starts_with(word));
        asked.into_iter().map(|asked| asked.action).filter(|action| !looks(action)).collect()
    }

    /// What is in the secret of an instance, if there is one.
    pub(super) async fn secret(&self, id: &str) -> Option<serde_json::Value> {
        let got = self.secrets.get_secret_value().secret_id(format!("pannier/{id}")).send().await;
        match got {
            Ok(got) => Some(serde_json::from_str(got.secret_string().unwrap()).unwrap()),
            Err(error) => {
                assert!(error.as_service_error().unwrap().is_resource_not_found_exception(), "{error:?}");
                None
            }
        }
    }
}

/// An instance with a password.
pub(super) fn wanted<'a>(spec: &'a Spec, id: &'a str, password: &'a str) -> Wanted<'a> {
    Wanted { site: SITE, id, owner: OWNER, spec, password: Password(password), port: None, created: 1_700_000_000_000 }
}

/// The settings of a client of the test's own, which talks to moto itself or to the door before it.
macro_rules! settings_of {
    ($sdk:ident, $endpoint:expr) => {
        $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url($endpoint)
            .build()
    };
}
pub(super) use settings_of;

/// Ids of what EC2 has, for which there is no client here.
async fn ids(moto: &str, action: &str, name: &str) -> Vec<String> {
    let scope = "Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
    let request = reqwest::Client::new().post(moto).header("authorization", format!("AWS4-HMAC-SHA256 {scope}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer =
        request.body(format!("Action={action}&Version=2016-11-15")).send().await.unwrap().text().await.unwrap();
    let element = format!("<{name}>");
    let ids = answer.split(&element).skip(1).filter_map(|rest| rest.split('<').next());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    assert!(!ids.is_empty(), "{answer}");
    ids
}

async fn serve(moto: String, script: Arc<Script>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = reqwest::Client::new();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (moto, script, client) = (moto.clone(), script.clone(), client.clone());
            let service = service_fn(move |request| pass(moto.clone(), script.clone(), client.clone(), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    format!("http://{address}")
}

async fn pass(
    moto: String,
    script: Arc<Script>,
    client: reqwest::Client,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, content) = request.into_parts();
    let content = content.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(content.to_vec()).unwrap();
    // JSON says it in a header, forms in a field.
    let target = head.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let action = match target {
        Some(target) => target.rsplit('.').next().unwrap().to_owned(),
        None => text.split('&').find_map(|field| field.strip_prefix("Action=")).unwrap().to_owned(),
    };
    let header = |name| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let headers = ["authorization", "content-type", "x-amz-target"].map(header);
    script.asked.lock().unwrap().push(Asked { action: action.clone(), body: text, headers });
    let instead = {
        let mut instead = script.instead.lock().unwrap();
        let found = instead.iter().position(|instead| instead.action == action);
        found.map(|index| instead.remove(index))
    };
    if let Some(Instead { status, body: text, .. }) = instead {
        return Ok(Response::builder().status(status).body(body::full(text)).unwrap());
    }
    let mut passed = client.post(format!("{moto}/")).body(content);
    for name in ["authorization", "content-type", "x-amz-target", "x-amz-date"] {
        if let Some(value) = head.headers.get(name) {
            passed = passed.header(name, value);
        }
    }
    let answer = passed.send().await.unwrap();
    let status = answer.status();
    let mut text = answer.text().await.unwrap();
    for (known, from, to) in script.changed.lock().unwrap().iter().filter(|(known, ..)| *known == action) {
        assert!(text.contains(from), "{known} has no {from}: {text}");
        text = text.replace(from, to);
    }
    Ok(Response::builder().status(status).body(body::full(text)).unwrap())
}
