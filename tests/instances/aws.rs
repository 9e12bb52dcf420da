//! The engine of AWS, before moto: the requests are those that AWS takes, as far as moto reads them, and every step finds out
//! by itself how far everything is.
//!
//! Where moto is not AWS, and what stands for it here:
//! - DB instances and replication groups are there at once, a deleted DB instance is gone at once, and a deleted replication
//!   group never is: states in between are written into the answers.
//! - RDS: a reboot does nothing, a password is not told and never on its way, a parameter group may be deleted while it is
//!   used, any parameter is taken: what was asked for is looked at.
//! - ElastiCache: of ModifyReplicationGroup it ignores passwords, and it drops the engine's version and the security groups;
//!   RebootCacheCluster it does not know. Whether AWS takes ROTATE and SET as its documentation says is not tested by this.
//! - ECS: it ignores the client token, runs tasks at once, without health and without reading a secret, finds tasks by their
//!   family only as long as that has an active definition, and deletes definitions at once. That Fargate takes the sizes, the
//!   command and the health check is not tested by this; the last two were tried on images of both databases.
//! - Nobody's permissions are looked at, and no quota.

mod cloud;
mod refusals;
mod wire;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_ecs::types::{TaskDefinitionField, TaskDefinitionStatus, TaskField};
use serde_json::{Value, json};
use shared::error::Kind;
use shared::instances::engine::{Engine, Password, Provided, Step, Wanted};
use shared::instances::spec::{Class, Database, Spec};
use tests::require;

use self::cloud::{Cloud, MOTO, OWNER, SITE, wanted};

const OLD: &str = "OldOldOldOldOldOldOldOldOldOld01";
const NEW: &str = "NewNewNewNewNewNewNewNewNewNew02";

fn mysql(class: Class) -> Spec {
    let database = Database::Mysql { charset: "utf8mb4".to_owned(), collation: "utf8mb4_0900_ai_ci".to_owned() };
    Spec { database, class }
}

fn redis(class: Class) -> Spec {
    Spec { database: Database::Redis { memory: 500 }, class }
}

/// What every tag has to be.
fn tags_of(id: &str) -> BTreeSet<(String, String)> {
    let tags = [("pannier.site", SITE), ("pannier.instance", id), ("pannier.owner", OWNER)];
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// Tags as any of the SDKs has them.
macro_rules! tags {
    ($tags:expr) => {
        $tags
            .iter()
            .map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned()))
            .collect::<BTreeSet<_>>()
    };
}

async fn place(engine: &Engine, wanted: &Wanted<'_>) -> (String, u16, bool) {
    match engine.provide(wanted).await.unwrap() {
        Provided::Ready(place) => (place.host, place.port, place.tls),
        other => panic!("{other:?}"),
    }
}

fn is_waiting(provided: &Provided) -> bool {
    matches!(provided, Provided::Pending(time) if *time >= Duration::from_secs(5))
}

/// The engine takes its credentials from the variables of its process, which a test must not change: the others here run in
/// another process.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_passes_before_moto() {
    let Some(server) = require::python_tool("moto_server") else { return };
    let moto = tests::stack::free_address();
    let port = moto.rsplit(':').next().unwrap();
    let mut process = tokio::process::Command::new(server)
        .args(["-H", "127.0.0.1", "-p", port])
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // By itself a task would stop when it is looked at.
    let task = json!({ "model_name": "ecs::task", "transition": { "progression": "manual", "times": 1_000_000 } });
    let set =
        || reqwest::Client::new().post(format!("{moto}/moto-api/state-manager/set-transition")).body(task.to_string());
    while !set().send().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(process.try_wait().unwrap().is_none(), "moto ended");
        tokio::task::yield_now().await;
    }
    let ran = tokio::task::spawn_blocking(move || {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.args(["instances::aws::", "--ignored"]).env(MOTO, moto).env("AWS_REGION", "us-east-1");
        tests.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").output().unwrap()
    });
    let ran = ran.await.unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && !told.contains("running 0 tests"),
        "{told}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_mysql_is_made_and_removed() {
    let (cloud, spec, id) = (Cloud::open().await, mysql(Class::Standard), "000000000001");
    let (engine, wanted) = (cloud.engine(), wanted(&spec, id, OLD));
    engine.ping().await.unwrap();
    // moto makes it at once, and the slower one would find it.
    for _ in 0..2 {
        cloud.fails("DescribeDBInstances", 404, "DBInstanceNotFound");
    }
    let (one, other) = tokio::join!(engine.provide(&wanted), engine.provide(&wanted));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(is_waiting(&one) && is_waiting(&other), "{one:?} {other:?}");
    let secret = json!({ "username": "root", "password": OLD, "site": SITE });
    assert_eq!(cloud.secret(id).await.unwrap(), secret);

    let name = format!("pannier-{id}");
    let found = cloud.rds.describe_db_instances().db_instance_identifier(&name).send().await.unwrap();
    let found = &found.db_instances()[0];
    assert_eq!((found.engine(), found.engine_version()), (Some("mysql"), Some("8.0")));
    assert_eq!((found.db_instance_class(), found.allocated_storage()), (Some("db.t4g.micro"), Some(20)));
    assert_eq!((found.master_username(), found.storage_type()), (Some("root"), Some("gp3")));
    assert_eq!((found.storage_encrypted(), found.publicly_accessible()), (Some(true), Some(false)));
    assert_eq!((found.backup_retention_period(), found.deletion_protection()), (Some(1), Some(false)));
    assert_eq!(found.db_subnet_group().unwrap().db_subnet_group_name(), Some("pannier-subnets"));
    let groups = &cloud.config.instances.aws.security_groups;
    assert_eq!(found.vpc_security_groups()[0].vpc_security_group_id(), Some(groups[0].as_str()));
    assert_eq!(tags!(found.tag_list()), tags_of(id));
    let group = "pannier-mysql-8-0-utf8mb4-utf8mb4-0900-ai-ci";
    assert_eq!(found.db_parameter_groups()[0].db_parameter_group_name(), Some(group));
    let known = cloud.rds.describe_db_parameters().db_parameter_group_name(group).send().await.unwrap();
    let known = known.parameters().iter().map(|one| (one.parameter_name().unwrap(), one.parameter_value().unwrap()));
    let pair = [("character_set_server", "utf8mb4"), ("collation_server", "utf8mb4_0900_ai_ci")];
    assert_eq!(known.collect::<BTreeSet<_>>(), pair.into());

    let endpoint = found.endpoint().unwrap();
    let expected = (endpoint.address().unwrap().to_owned(), 3306, false);
    cloud.done();
    cloud.change("DescribeDBInstances", "<DBInstanceStatus>available", "<DBInstanceStatus>backing-up");
    assert!(is_waiting(&engine.provide(&wanted).await.unwrap()));
    cloud.change_nothing();
    assert_eq!(place(&engine, &wanted).await, expected);
    assert_eq!(place(&cloud.engine(), &wanted).await, expected);
    assert_eq!(cloud.done(), ["PutSecretValue"], "nothing but the address was new");
    let secret = cloud.secret(id).await.unwrap();
    assert_eq!((&secret["host"], &secret["port"]), (&json!(expected.0), &json!(3306)));

    cloud.fails("DeleteDBInstance", 400, "InvalidDBInstanceState");
    assert!(matches!(engine.remove(&wanted).await.unwrap(), Step::Pending(_)));
    assert!(cloud.secret(id).await.is_some());
    assert!(matches!(engine.remove(&wanted).await.unwrap(), Step::Pending(_)));
    let deletion = cloud.asked("DeleteDBInstance").pop().unwrap();
    assert!(deletion.contains("SkipFinalSnapshot=true&DeleteAutomatedBackups=true"), "{deletion}");
    assert_eq!(engine.remove(&wanted).await.unwrap(), Step::Done);
    assert_eq!(cloud.secret(id).await, None);
    assert!(cloud.rds.describe_db_parameters().db_parameter_group_name(group).send().await.is_err());
    assert_eq!(cloud.engine().remove(&wanted).await.unwrap(), Step::Done);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_mysql_gets_another_password_and_is_restarted() {
    let (cloud, id) = (Cloud::open().await, "000000000002");
    // The old name is the one that some versions know.
    let database = Database::Mysql { charset: "utf8mb3".to_owned(), collation: "utf8mb3_bin".to_owned() };
    let spec = Spec { database, class: Class::Standard };
    let (engine, old) = (cloud.engine(), wanted(&spec, id, OLD));
    cloud.fails("ModifyDBParameterGroup", 400, "InvalidParameterValue");
    assert!(is_waiting(&engine.provide(&old).await.unwrap()));
    let parameters = cloud.asked("ModifyDBParameterGroup").pop().unwrap();
    assert!(parameters.contains("=utf8&") && parameters.contains("=utf8_bin&"), "{parameters}");
    let before = place(&engine, &old).await;

    cloud.done();
    cloud.fails("ModifyDBInstance", 400, "InvalidDBInstanceState");
    for looks in ["not yet", "asked for", "on its way"] {
        assert!(matches!(cloud.engine().set_password(&old, Password(NEW)).await.unwrap(), Step::Pending(_)), "{looks}");
        let pending = "</DBInstanceStatus><PendingModifiedValues><MasterUserPassword>****</MasterUserPassword></PendingModifiedValues>";
        if looks == "asked for" {
            cloud.change("DescribeDBInstances", "</DBInstanceStatus>", pending);
        }
    }
    assert_eq!(cloud.asked("ModifyDBInstance").len(), 2, "the refused one and the other");
    cloud.change_nothing();
    assert_eq!(cloud.engine().set_password(&old, Password(NEW)).await.unwrap(), Step::Done);
    // As if nobody had heard that.
    assert_eq!(cloud.engine().set_password(&old, Password(NEW)).await.unwrap(), Step::Done);
    let asked = cloud.asked("ModifyDBInstance");
    assert_eq!(asked.len(), 2);
    assert!(asked[1].contains(&format!("MasterUserPassword={NEW}")) && asked[1].contains("ApplyImmediately=true"));
    let secret = cloud.secret(id).await.unwrap();
    assert_eq!((&secret["password"], &secret["rotation"]), (&json!(NEW), &Value::Null));

    let new = Wanted { password: Password(NEW), ..old };
    cloud.done();
    assert_eq!(engine.restart(&new).await.unwrap(), Step::Done);
    assert_eq!(cloud.done(), ["RebootDBInstance"]);
    cloud.change("DescribeDBInstances", "<DBInstanceStatus>available", "<DBInstanceStatus>rebooting");
    assert_eq!(engine.restart(&new).await.unwrap(), Step::Done);
    assert!(is_waiting(&engine.provide(&new).await.unwrap()));
    cloud.change_nothing();
    assert_eq!(place(&engine, &new).await, before);
    assert_eq!(cloud.done(), Vec::<String>::new());

    // Whoever deletes it by hand does not get an empty one under the same address.
    cloud.rds.delete_db_instance().db_instance_identifier(format!("pannier-{id}")).send().await.unwrap();
    assert_eq!(engine.provide(&new).await.unwrap(), Provided::Failed("Its database is gone.".to_owned()));
    assert_eq!(engine.remove(&new).await.unwrap(), Step::Done);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_redis_is_made_and_removed() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Standard), "000000000003");
    let (engine, wanted) = (cloud.engine(), wanted(&spec, id, OLD));
    assert!(is_waiting(&engine.provide(&wanted).await.unwrap()));
    assert_eq!(cloud.secret(id).await.unwrap(), json!({ "username": "default", "password": OLD, "site": SITE }));
    let name = format!("pannier-{id}");
    let found = cloud.elasticache.describe_replication_groups().replication_group_id(&name).send().await.unwrap();
    let found = &found.replication_groups()[0];
    assert_eq!(found.cache_node_type(), Some("cache.t4g.small"));
    assert_eq!((found.transit_encryption_enabled(), found.auth_token_enabled()), (Some(true), Some(true)));
    assert_eq!((found.at_rest_encryption_enabled(), found.member_clusters().len()), (Some(true), 1));
    let tags = cloud.elasticache.list_tags_for_resource().resource_name(found.arn().unwrap()).send().await.unwrap();
    assert_eq!(tags!(tags.tag_list()), tags_of(id));
    let asked = cloud.asked("CreateReplicationGroup").pop().unwrap();
    let group = format!("SecurityGroupId.1={}", cloud.config.instances.aws.security_groups[0]);
    let token = format!("AuthToken={OLD}");
    for field in [
        "Engine=redis",
        "EngineVersion=7.1",
        "NumCacheClusters=1",
        "CacheSubnetGroupName=pannier-subnets",
        &group,
        &token,
    ] {
        assert!(asked.contains(field), "{field}: {asked}");
    }

    let endpoint = found.node_groups()[0].primary_endpoint().unwrap();
    let expected = (endpoint.address().unwrap().to_owned(), 6379, true);
    cloud.done();
    cloud.change("DescribeReplicationGroups", "<Status>available", "<Status>creating");
    assert!(is_waiting(&engine.provide(&wanted).await.unwrap()));
    cloud.change_nothing();
    assert_eq!(place(&engine, &wanted).await, expected);
    assert_eq!(place(&cloud.engine(), &wanted).await, expected);
    assert_eq!(cloud.done(), ["PutSecretValue"], "nothing but the address was new");
    assert_eq!(engine.restart(&wanted).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(cloud.done(), Vec::<String>::new(), "its data stay");

    cloud.fails("DeleteReplicationGroup", 400, "InvalidReplicationGroupState");
    for look in ["being made", "asked for", "on its way"] {
        assert!(matches!(cloud.engine().remove(&wanted).await.unwrap(), Step::Pending(_)), "{look}");
        assert!(cloud.secret(id).await.is_some(), "{look}");
    }
    assert_eq!(cloud.asked("DeleteReplicationGroup").len(), 2, "the refused one and the other");
    for look in ["gone", "gone before"] {
        cloud.fails("DescribeReplicationGroups", 404, "ReplicationGroupNotFoundFault");
        assert_eq!(cloud.engine().remove(&wanted).await.unwrap(), Step::Done, "{look}");
        assert_eq!(cloud.secret(id).await, None, "{look}");
    }
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn a_redis_gets_another_password() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Standard), "000000000004");
    let old = wanted(&spec, id, OLD);
    let next = async |password| cloud.engine().set_password(&old, Password(password)).await;
    assert!(is_waiting(&cloud.engine().provide(&old).await.unwrap()));
    let strategies = || {
        let strategy =
            |asked: String| asked.split("AuthTokenUpdateStrategy=").nth(1)?.split('&').next().map(str::to_owned);
        cloud.asked("ModifyReplicationGroup").into_iter().filter_map(strategy).collect::<Vec<_>>()
    };
    // Nothing has changed if both are refused.
    cloud.fails("ModifyReplicationGroup", 400, "InvalidParameterValue");
    cloud.fails("ModifyReplicationGroup", 400, "InvalidParameterValue");
    assert_eq!(next(NEW).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(cloud.secret(id).await.unwrap()["password"], OLD);

    cloud.done();
    cloud.fails("ModifyReplicationGroup", 400, "InvalidReplicationGroupState");
    assert!(matches!(next(NEW).await.unwrap(), Step::Pending(_)));
    assert!(matches!(next(NEW).await.unwrap(), Step::Pending(_)));
    assert_eq!(strategies(), ["ROTATE", "ROTATE"], "the refused one and the other");
    assert_eq!(cloud.secret(id).await.unwrap()["password"], OLD);
    let pending = "</Status><PendingModifiedValues><AuthTokenStatus>ROTATING</AuthTokenStatus></PendingModifiedValues>";
    cloud.change("DescribeReplicationGroups", "<Status>available</Status>", "<Status>modifying</Status>");
    assert!(matches!(next(NEW).await.unwrap(), Step::Pending(_)));
    cloud.change_nothing();
    cloud.change("DescribeReplicationGroups", "available</Status>", "available</Status><!-- -->");
    cloud.change("DescribeReplicationGroups", "</Status><!-- -->", pending);
    assert!(matches!(next(NEW).await.unwrap(), Step::Pending(_)));
    assert_eq!(strategies().len(), 2, "it is on its way");
    cloud.change_nothing();
    assert!(matches!(next(NEW).await.unwrap(), Step::Pending(_)));
    assert_eq!(strategies(), ["ROTATE", "ROTATE", "SET"]);
    assert_eq!(cloud.secret(id).await.unwrap()["password"], NEW, "which lets in from now on");
    assert_eq!(next(NEW).await.unwrap(), Step::Done);
    assert_eq!(next(NEW).await.unwrap(), Step::Done);
    assert_eq!(strategies().len(), 3);
    assert!(cloud.asked("ModifyReplicationGroup").iter().all(|asked| asked.contains(&format!("AuthToken={NEW}"))));
    assert_eq!(cloud.secret(id).await.unwrap()["rotation"], Value::Null);

    // Somebody added it, and was not heard of again.
    cloud.done();
    cloud.fails("ModifyReplicationGroup", 400, "InvalidParameterValue");
    assert!(matches!(next(OLD).await.unwrap(), Step::Pending(_)));
    assert_eq!(next(OLD).await.unwrap(), Step::Done);
    assert_eq!(strategies(), ["ROTATE", "SET"]);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn what_is_ephemeral_runs_as_a_task() {
    for (spec, id, port, size, variable) in [
        (redis(Class::Ephemeral), "000000000005", 6379, ("256", "1024"), "REDIS_PASSWORD"),
        (mysql(Class::Ephemeral), "000000000006", 3306, ("512", "1024"), "MYSQL_ROOT_PASSWORD"),
    ] {
        let cloud = Cloud::open().await;
        let (engine, wanted, name) = (cloud.engine(), wanted(&spec, id, OLD), format!("pannier-{id}"));
        assert!(is_waiting(&engine.provide(&wanted).await.unwrap()));
        defined_and_run(&cloud, id, port, size, variable).await;
        let tasks = cloud.ecs.list_tasks().cluster("pannier-cluster").started_by(&name).send().await.unwrap();
        let described = cloud.ecs.describe_tasks().cluster("pannier-cluster").include(TaskField::Tags);
        let task = described.set_tasks(tasks.task_arns).send().await.unwrap().tasks.unwrap().pop().unwrap();
        assert_eq!(tags!(task.tags()), tags_of(id));
        cloud.done();
        assert!(is_waiting(&engine.provide(&wanted).await.unwrap()), "it is not healthy yet");
        cloud.change(
            "DescribeTasks",
            "\"lastStatus\": \"RUNNING\"",
            "\"lastStatus\": \"RUNNING\", \"healthStatus\": \"HEALTHY\"",
        );
        let details = task.attachments()[0].details();
        let address =
            details.iter().find(|detail| detail.name() == Some("privateIPv4Address")).unwrap().value().unwrap();
        assert_eq!(place(&cloud.engine(), &wanted).await, (address.to_owned(), port, false));
        cloud.change_nothing();
        assert_eq!(cloud.done(), ["PutSecretValue"], "nothing but the address was new");
        assert_eq!(engine.restart(&wanted).await.unwrap_err().kind(), Kind::Conflict);
        assert_eq!(engine.set_password(&wanted, Password(NEW)).await.unwrap_err().kind(), Kind::Conflict);
        assert_eq!(cloud.done(), Vec::<String>::new());

        assert!(matches!(engine.remove(&wanted).await.unwrap(), Step::Pending(_)));
        let of = |status| cloud.ecs.list_task_definitions().family_prefix(&name).status(status).send();
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            assert_eq!(of(status).await.unwrap().task_definition_arns(), Vec::<String>::new());
        }
        let stopped = cloud.ecs.describe_tasks().cluster("pannier-cluster").tasks(task.task_arn().unwrap());
        assert_eq!(stopped.send().await.unwrap().tasks()[0].last_status(), Some("STOPPED"));
        assert!(cloud.secret(id).await.is_some());
        assert_eq!(cloud.engine().remove(&wanted).await.unwrap(), Step::Done);
        assert_eq!(cloud.secret(id).await, None);
        assert_eq!(cloud.engine().remove(&wanted).await.unwrap(), Step::Done);
    }
}

/// How its task is defined and was run, as moto has it and as it was asked.
async fn defined_and_run(cloud: &Cloud, id: &str, port: u16, size: (&str, &str), variable: &str) {
    let name = format!("pannier-{id}");
    let secret = cloud.secrets.describe_secret().secret_id(format!("pannier/{id}")).send().await.unwrap();
    assert_eq!(tags!(secret.tags()), tags_of(id));
    let described = cloud.ecs.describe_task_definition().task_definition(&name).include(TaskDefinitionField::Tags);
    let described = described.send().await.unwrap();
    assert_eq!(tags!(described.tags()), tags_of(id));
    let definition = described.task_definition().unwrap();
    assert!(!format!("{definition:?}").contains(OLD));
    let asked = [cloud.asked("RegisterTaskDefinition"), cloud.asked("RunTask")].concat();
    assert!(asked.len() == 2 && asked.iter().all(|asked| !asked.contains(OLD)), "{asked:?}");
    assert_eq!((definition.cpu().unwrap(), definition.memory().unwrap()), size);
    assert_eq!(definition.execution_role_arn(), cloud.config.instances.aws.execution_role.as_deref());
    let container = &definition.container_definitions()[0];
    assert_eq!(container.memory(), Some(1024));
    let from = format!("{}:password::", secret.arn().unwrap());
    assert_eq!((container.secrets()[0].name(), container.secrets()[0].value_from()), (variable, from.as_str()));
    assert_eq!(container.port_mappings()[0].container_port(), Some(port.into()));
    assert!(container.health_check().unwrap().command()[1].contains(variable));
    if port == 3306 {
        let options = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_0900_ai_ci"];
        assert_eq!((container.command(), container.image()), (&options.map(str::to_owned)[..], Some("mysql:8.0")));
    } else {
        assert!(container.command()[2].contains("maxmemory 500mb") && container.image() == Some("redis:5.0"));
    }
    let ran: Value = serde_json::from_str(&cloud.asked("RunTask")[0]).unwrap();
    assert_eq!(ran["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED");
    assert_eq!((&ran["launchType"], &ran["startedBy"]), (&json!("FARGATE"), &json!(name)));
    assert_eq!(ran["clientToken"], format!("{id}-1700000000000"));
}
