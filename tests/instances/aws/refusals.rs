//! What AWS refuses, what is not set, and what does not answer.

use std::time::{Duration, Instant};

use serde_json::json;
use shared::error::Kind;
use shared::instances::engine::{Engine, Provided, Step, Wanted};
use shared::instances::spec::{Class, Database, Spec};
use tokio::net::TcpListener;

use super::cloud::{Cloud, wanted};
use super::{OLD, is_waiting, redis};

/// With a group of parameters that no other module's tests have: it goes with its last instance, of which moto knows none.
fn mysql(class: Class) -> Spec {
    let database = Database::Mysql { charset: "utf8mb4".to_owned(), collation: "utf8mb4_bin".to_owned() };
    Spec { database, class }
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn what_aws_refuses_has_a_plain_reason() {
    let (cloud, spec, id) = (Cloud::open().await, mysql(Class::Standard), "00000000000a");
    let (engine, instance) = (cloud.engine(), wanted(&spec, id, OLD));
    for (code, word) in [
        ("InstanceQuotaExceeded", "quota"),
        ("InsufficientDBInstanceCapacity", "capacity"),
        ("InvalidParameterCombination", "settings"),
    ] {
        cloud.fails("CreateDBInstance", 400, code);
        let Provided::Failed(reason) = engine.provide(&instance).await.unwrap() else { panic!("{code}") };
        assert!(reason.contains(word) && !reason.contains("arn:") && !reason.contains("1234"), "{reason}");
    }
    for (code, status, tries) in [("AccessDenied", 403, 1), ("Throttling", 400, 3), ("InternalFailure", 500, 3)] {
        cloud.done();
        for _ in 0..tries {
            cloud.fails("CreateDBInstance", status, code);
        }
        let error = engine.provide(&instance).await.unwrap_err();
        assert_eq!((error.kind(), cloud.asked("CreateDBInstance").len()), (Kind::Unavailable, tries), "{code}");
        assert!(!error.message().contains("1234") && error.causes().contains(code), "{}", error.causes());
        assert!(!format!("{error:?}").contains(OLD), "{error:?}");
    }
    cloud.fails("CreateDBInstance", 400, "DBInstanceAlreadyExists");
    assert!(is_waiting(&engine.provide(&instance).await.unwrap()));
    assert_eq!(engine.remove(&instance).await.unwrap(), Step::Done);
    assert_eq!(cloud.secret(id).await, None);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_task_that_does_not_run_has_a_plain_reason() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Ephemeral), "00000000000b");
    let (engine, instance) = (cloud.engine(), wanted(&spec, id, OLD));
    let failure =
        json!({ "tasks": [], "failures": [{ "arn": "arn:aws:ecs:x:1234:y", "reason": "RESOURCE:CPU 1234" }] });
    cloud.instead("RunTask", 200, failure.to_string());
    let refused = engine.provide(&instance).await.unwrap();
    assert_eq!(refused, Provided::Failed("The cloud has no capacity for it at the moment.".to_owned()));
    assert!(is_waiting(&engine.provide(&instance).await.unwrap()), "the next one takes the same definition");
    assert_eq!(cloud.asked("RegisterTaskDefinition").len(), 1);

    let name = format!("pannier-{id}");
    let tasks = cloud.ecs.list_tasks().cluster("pannier-cluster").started_by(&name).send().await.unwrap();
    cloud.ecs.stop_task().cluster("pannier-cluster").task(&tasks.task_arns()[0]).send().await.unwrap();
    for (said, reason) in [
        (
            json!({ "stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: arn:1234" }),
            "Its image cannot be had.",
        ),
        (
            json!({ "stopCode": "TaskFailedToStart", "stoppedReason": "ResourceInitializationError: arn:1234" }),
            "Its container could not be started.",
        ),
        (
            json!({ "stopCode": "EssentialContainerExited", "containers": [{ "exitCode": 137, "reason": "OutOfMemoryError: x" }] }),
            "The server ended with code 137: it ran out of memory.",
        ),
        (json!({ "stopCode": "UserInitiated" }), "It was stopped."),
    ] {
        let mut task = json!({ "taskArn": tasks.task_arns()[0], "lastStatus": "STOPPED", "desiredStatus": "STOPPED" });
        task.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        cloud.instead("DescribeTasks", 200, json!({ "tasks": [task] }).to_string());
        assert_eq!(engine.provide(&instance).await.unwrap(), Provided::Failed(reason.to_owned()));
    }
    assert_eq!(cloud.asked("RunTask").len(), 2, "what stopped is not run again");
    assert!(matches!(engine.remove(&instance).await.unwrap(), Step::Pending(_)));
    assert_eq!(engine.remove(&instance).await.unwrap(), Step::Done);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_name_of_another_store_is_left_alone() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Standard), "00000000000c");
    let theirs = Wanted { site: "another", ..wanted(&spec, id, OLD) };
    assert!(is_waiting(&cloud.engine().provide(&theirs).await.unwrap()));
    cloud.done();
    let (engine, ours) = (cloud.engine(), wanted(&spec, id, OLD));
    assert_eq!(engine.provide(&ours).await.unwrap(), Provided::Failed("Another instance has its name.".to_owned()));
    assert_eq!(engine.set_password(&ours, ours.password).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(engine.remove(&ours).await.unwrap(), Step::Done);
    assert_eq!(cloud.done(), Vec::<String>::new(), "nothing was touched");
    assert_eq!(cloud.secret(id).await.unwrap()["site"], "another");
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn what_is_not_set_up_does_not_answer() {
    let (cloud, spec) = (Cloud::open().await, mysql(Class::Standard));
    let instance = wanted(&spec, "00000000000d", OLD);
    for forget in [0, 1] {
        let mut config = cloud.config.clone();
        match forget {
            0 => config.instances.aws.subnet_group = None,
            _ => config.instances.aws.security_groups.clear(),
        }
        let engine = Engine::of(&config);
        assert_eq!(engine.ping().await.unwrap_err().kind(), Kind::Unavailable);
        let error = engine.provide(&instance).await.unwrap_err();
        assert!(error.kind() == Kind::Unavailable && error.causes().contains("INSTANCES_S"), "{}", error.causes());
    }
    assert_eq!(cloud.done(), Vec::<String>::new());
    let mut config = cloud.config.clone();
    config.instances.aws.cluster = None;
    let (spec, engine) = (redis(Class::Ephemeral), Engine::of(&config));
    engine.ping().await.unwrap();
    let instance = wanted(&spec, "00000000000e", OLD);
    let failed = engine.provide(&instance).await.unwrap();
    assert_eq!(failed, Provided::Failed("Ephemeral instances are not set up here.".to_owned()));
    assert_eq!(engine.remove(&instance).await.unwrap(), Step::Done);
    assert_eq!(cloud.secret("00000000000e").await, None);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn what_does_not_answer_is_not_waited_for() {
    let (cloud, spec) = (Cloud::open().await, mysql(Class::Standard));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let held = format!("http://{}", silent.local_addr().unwrap());
    for (endpoint, limit) in [(tests::stack::free_address(), 10), (held, 22)] {
        let mut config = cloud.config.clone();
        config.instances.aws.endpoint = Some(endpoint);
        let began = Instant::now();
        let error = Engine::of(&config).provide(&wanted(&spec, "00000000000f", OLD)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.causes().starts_with("read a secret: "), "{}", error.causes());
        assert!(began.elapsed() < Duration::from_secs(limit), "{:?}", began.elapsed());
    }
}
