//! What the engine sends is what the SDKs would send: it has no client made for the services, so theirs are asked for the same
//! here, through the same door.

use std::collections::BTreeSet;

use aws_sdk_ecs::types as ecs;
use aws_sdk_elasticache::types as elasticache;
use aws_sdk_rds::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_rds::types as rds;
use aws_sdk_secretsmanager::types as secretsmanager;
use serde_json::{Value, json};
use shared::instances::engine::{Engine, Password};
use shared::instances::spec::{Class, Database, Spec};

use super::cloud::{Cloud, OWNER, SITE, settings_of, wanted};
use super::{NEW, OLD, redis};

/// Tags as an SDK has them.
macro_rules! tags {
    ($types:ident, $id:expr) => {{
        let tags = [("pannier.site", SITE), ("pannier.instance", $id), ("pannier.owner", OWNER)];
        Some(tags.map(|(key, value)| $types::Tag::builder().key(key).value(value).build()).into())
    }};
}

/// A body in whichever order: the fields of a form or the members of a document, without a token, which is random.
fn fields(body: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = match serde_json::from_str(body) {
        Ok(Value::Object(members)) => {
            let kept = members.into_iter().filter(|(name, _)| name != "ClientRequestToken");
            kept.map(|(name, value)| (name, value.to_string())).collect()
        }
        _ => form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
    };
    fields.sort();
    fields
}

/// For whom a request is signed, and which headers of it, but for those that the SDKs add for statistics.
fn signed(authorization: &str) -> (&str, BTreeSet<&str>) {
    let (scope, rest) = authorization.split_once(", SignedHeaders=").expect(authorization);
    let headers = rest.split_once(", Signature=").expect(authorization).0;
    let added = ["amz-sdk-invocation-id", "amz-sdk-request", "content-length", "x-amz-user-agent"];
    (scope, headers.split(';').filter(|name| !added.contains(name)).collect())
}

/// The calls of each action: all are the engine's but the last one, which is the SDK's.
fn same(cloud: &Cloud, actions: &[&str]) {
    for action in actions {
        let sent = cloud.sent(action);
        let Some((theirs, ours)) = sent.split_last().filter(|(_, ours)| !ours.is_empty()) else {
            panic!("{action} {} times", sent.len())
        };
        for ours in ours {
            assert_eq!(fields(&ours.body), fields(&theirs.body), "{action}");
            let [(ours, ours_rest), (theirs, theirs_rest)] =
                [ours, theirs].map(|asked| (signed(&asked.headers[0]), &asked.headers[1..]));
            assert_eq!((ours, ours_rest), (theirs, theirs_rest), "{action}");
        }
    }
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn rds_is_asked_as_by_its_sdk() {
    // No other test has this group of parameters.
    let database = Database::Mysql { charset: "latin1".to_owned(), collation: "latin1_bin".to_owned() };
    let (spec, id, group) =
        (Spec { database, class: Class::Standard }, "0000000000a1", "pannier-mysql-8-0-latin1-latin1-bin");
    let (cloud, name) = (Cloud::open().await, format!("pannier-{id}"));
    let sdk = aws_sdk_rds::Client::from_conf(settings_of!(aws_sdk_rds, cloud.door()));
    cloud.engine().provide(&wanted(&spec, id, OLD)).await.unwrap();
    let describe = sdk.describe_db_parameters().db_parameter_group_name(group);
    describe.source("user").send().await.unwrap();
    let create = sdk.create_db_parameter_group().db_parameter_group_name(group).db_parameter_group_family("mysql8.0");
    assert!(create.description("Character set and collation of instances").send().await.is_err(), "there is one");
    let parameters = [("character_set_server", "latin1"), ("collation_server", "latin1_bin")].map(|(name, value)| {
        let parameter = rds::Parameter::builder().parameter_name(name).parameter_value(value);
        parameter.apply_method(rds::ApplyMethod::Immediate).build()
    });
    let modify = sdk.modify_db_parameter_group().db_parameter_group_name(group);
    modify.set_parameters(Some(parameters.into())).send().await.unwrap();
    let create = sdk.create_db_instance().db_instance_identifier(&name).engine("mysql").engine_version("8.0");
    let create = create.db_instance_class("db.t4g.micro").storage_type("gp3").allocated_storage(20);
    let create = create.storage_encrypted(true).master_username("root").master_user_password(OLD);
    let create = create.db_subnet_group_name("pannier-subnets").publicly_accessible(false).multi_az(false);
    let create = create.set_vpc_security_group_ids(Some(cloud.config.instances.aws.security_groups.clone()));
    let create = create.backup_retention_period(1).copy_tags_to_snapshot(true).deletion_protection(false);
    let create = create.db_parameter_group_name(group).set_tags(tags!(rds, id));
    assert!(create.send().await.is_err(), "there is one");
    same(&cloud, &["DescribeDBParameters", "CreateDBParameterGroup", "ModifyDBParameterGroup", "CreateDBInstance"]);

    cloud.done();
    cloud.engine().set_password(&wanted(&spec, id, OLD), Password(NEW)).await.unwrap();
    sdk.describe_db_instances().db_instance_identifier(&name).send().await.unwrap();
    let modify = sdk.modify_db_instance().db_instance_identifier(&name).apply_immediately(true);
    modify.master_user_password(NEW).send().await.unwrap();
    same(&cloud, &["DescribeDBInstances", "ModifyDBInstance"]);

    cloud.done();
    cloud.change("DescribeDBInstances", "<DBInstanceStatus>available", "<DBInstanceStatus>stopped");
    let _ = cloud.engine().provide(&wanted(&spec, id, NEW)).await;
    cloud.change_nothing();
    let _ = sdk.start_db_instance().db_instance_identifier(&name).send().await;
    same(&cloud, &["StartDBInstance"]);

    cloud.done();
    cloud.engine().restart(&wanted(&spec, id, NEW)).await.unwrap();
    cloud.engine().remove(&wanted(&spec, id, NEW)).await.unwrap();
    sdk.reboot_db_instance().db_instance_identifier(&name).send().await.unwrap_err();
    let delete = sdk.delete_db_instance().db_instance_identifier(&name).skip_final_snapshot(true);
    delete.delete_automated_backups(true).send().await.unwrap_err();
    cloud.engine().remove(&wanted(&spec, id, NEW)).await.unwrap();
    sdk.delete_db_parameter_group().db_parameter_group_name(group).send().await.unwrap_err();
    same(&cloud, &["RebootDBInstance", "DeleteDBInstance", "DeleteDBParameterGroup"]);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn elasticache_is_asked_as_by_its_sdk() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Standard), "0000000000a2");
    let (name, instance) = (format!("pannier-{id}"), wanted(&spec, id, OLD));
    let sdk = aws_sdk_elasticache::Client::from_conf(settings_of!(aws_sdk_elasticache, cloud.door()));
    cloud.engine().provide(&instance).await.unwrap();
    let create = sdk.create_replication_group().replication_group_id(&name).engine("redis").engine_version("7.1");
    let create = create.replication_group_description("An instance that a user asked for").num_cache_clusters(1);
    let create = create.cache_node_type("cache.t4g.small").automatic_failover_enabled(false).multi_az_enabled(false);
    let create = create.transit_encryption_enabled(true).auth_token(OLD).at_rest_encryption_enabled(true);
    let create = create.cache_subnet_group_name("pannier-subnets").snapshot_retention_limit(1);
    let create = create.set_security_group_ids(Some(cloud.config.instances.aws.security_groups.clone()));
    create.set_tags(tags!(elasticache, id)).send().await.unwrap_err();
    sdk.describe_replication_groups().replication_group_id(&name).send().await.unwrap();
    same(&cloud, &["CreateReplicationGroup", "DescribeReplicationGroups"]);

    cloud.done();
    cloud.engine().set_password(&instance, Password(NEW)).await.unwrap();
    let modify = sdk.modify_replication_group().replication_group_id(&name).apply_immediately(true).auth_token(NEW);
    let rotate = elasticache::AuthTokenUpdateStrategyType::Rotate;
    modify.auth_token_update_strategy(rotate).send().await.unwrap();
    cloud.engine().remove(&instance).await.unwrap();
    let delete = sdk.delete_replication_group().replication_group_id(&name).retain_primary_cluster(false);
    delete.send().await.unwrap();
    same(&cloud, &["ModifyReplicationGroup", "DeleteReplicationGroup"]);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn ecs_is_asked_as_by_its_sdk() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Ephemeral), "0000000000a3");
    let (name, instance, settings) = (format!("pannier-{id}"), wanted(&spec, id, OLD), &cloud.config.instances.aws);
    let sdk = aws_sdk_ecs::Client::from_conf(settings_of!(aws_sdk_ecs, cloud.door()));
    cloud.engine().provide(&instance).await.unwrap();
    let register: Value = serde_json::from_str(&cloud.asked("RegisterTaskDefinition")[0]).unwrap();
    let container = &register["containerDefinitions"][0];
    let texts = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let secret = &container["secrets"][0];
    let secret = ecs::Secret::builder().name("REDIS_PASSWORD").value_from(secret["valueFrom"].as_str().unwrap());
    let health = ecs::HealthCheck::builder().set_command(Some(texts(&container["healthCheck"]["command"])));
    let health = health.interval(5).timeout(5).retries(10).start_period(300).build().unwrap();
    let port = ecs::PortMapping::builder().container_port(6379).protocol(ecs::TransportProtocol::Tcp).build();
    let container = ecs::ContainerDefinition::builder()
        .name("redis")
        .image("redis:5.0")
        .essential(true)
        .memory(1024)
        .port_mappings(port)
        .secrets(secret.build().unwrap())
        .set_command(Some(texts(&container["command"])))
        .health_check(health)
        .build();
    let register = sdk.register_task_definition().family(&name).cpu("256").memory("1024");
    let register =
        register.requires_compatibilities(ecs::Compatibility::Fargate).network_mode(ecs::NetworkMode::Awsvpc);
    let register = register.set_execution_role_arn(settings.execution_role.clone()).container_definitions(container);
    register.set_tags(tags!(ecs, id)).send().await.unwrap();
    let network = ecs::AwsVpcConfiguration::builder().set_subnets(Some(settings.subnets.clone()));
    let network = network.set_security_groups(Some(settings.security_groups.clone()));
    let network = network.assign_public_ip(ecs::AssignPublicIp::Disabled).build().unwrap();
    let network = ecs::NetworkConfiguration::builder().awsvpc_configuration(network).build();
    let ran: Value = serde_json::from_str(&cloud.asked("RunTask")[0]).unwrap();
    let run = sdk.run_task().cluster("pannier-cluster").task_definition(ran["taskDefinition"].as_str().unwrap());
    let run = run.launch_type(ecs::LaunchType::Fargate).count(1).client_token(format!("{id}-1700000000000"));
    let run = run.started_by(&name).network_configuration(network).enable_execute_command(false);
    run.set_tags(tags!(ecs, id)).send().await.unwrap();
    same(&cloud, &["RegisterTaskDefinition", "RunTask"]);
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn tasks_are_looked_for_and_ended_as_by_their_sdk() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Ephemeral), "0000000000a5");
    let (name, instance) = (format!("pannier-{id}"), wanted(&spec, id, OLD));
    let sdk = aws_sdk_ecs::Client::from_conf(settings_of!(aws_sdk_ecs, cloud.door()));
    cloud.engine().provide(&instance).await.unwrap();
    let tasks = sdk.list_tasks().cluster("pannier-cluster").started_by(&name).send().await.unwrap().task_arns.unwrap();
    cloud.done();
    cloud.engine().provide(&instance).await.unwrap();
    let describe = sdk.describe_tasks().cluster("pannier-cluster").set_tasks(Some(tasks.clone()));
    describe.send().await.unwrap();
    same(&cloud, &["DescribeTasks"]);
    let lists: BTreeSet<_> = cloud.asked("ListTasks").iter().map(|body| fields(body)).collect();
    cloud.done();
    sdk.list_tasks().cluster("pannier-cluster").started_by(&name).send().await.unwrap();
    let stopped = sdk.list_tasks().cluster("pannier-cluster").family(&name);
    stopped.desired_status(ecs::DesiredStatus::Stopped).send().await.unwrap();
    assert_eq!(lists, cloud.asked("ListTasks").iter().map(|body| fields(body)).collect());

    cloud.done();
    cloud.engine().remove(&instance).await.unwrap();
    let ours = |action: &str| cloud.asked(action).iter().map(|body| fields(body)).collect::<BTreeSet<_>>();
    let actions = ["ListTaskDefinitions", "DeregisterTaskDefinition", "DeleteTaskDefinitions", "StopTask"];
    let did = actions.map(ours);
    cloud.done();
    for status in [ecs::TaskDefinitionStatus::Active, ecs::TaskDefinitionStatus::Inactive] {
        sdk.list_task_definitions().family_prefix(&name).status(status).send().await.unwrap();
    }
    for fields in &did[1] {
        let definition = fields[0].1.trim_matches('"');
        let _ = sdk.deregister_task_definition().task_definition(definition).send().await;
    }
    for fields in &did[2] {
        let some = serde_json::from_str(&fields[0].1).unwrap();
        let _ = sdk.delete_task_definitions().set_task_definitions(Some(some)).send().await;
    }
    for task in tasks {
        let stop = sdk.stop_task().cluster("pannier-cluster").task(task).reason("The instance is removed");
        stop.send().await.unwrap();
    }
    assert!(did.iter().all(|calls| !calls.is_empty()), "{did:?}");
    assert_eq!(did, actions.map(ours));
}

#[tokio::test]
#[ignore = "run by the_engine_passes_before_moto"]
async fn secrets_are_asked_for_as_by_their_sdk() {
    let (cloud, spec, id) = (Cloud::open().await, redis(Class::Standard), "0000000000a4");
    let (name, engine, instance): (_, Engine, _) = (format!("pannier/{id}"), cloud.engine(), wanted(&spec, id, OLD));
    let sdk = aws_sdk_secretsmanager::Client::from_conf(settings_of!(aws_sdk_secretsmanager, cloud.door()));
    engine.provide(&instance).await.unwrap();
    let value: Value = serde_json::from_str(&cloud.asked("CreateSecret")[0]).unwrap();
    let create = sdk.create_secret().name(&name).secret_string(value["SecretString"].as_str().unwrap());
    create.set_tags(tags!(secretsmanager, id)).send().await.unwrap_err();
    sdk.get_secret_value().secret_id(&name).send().await.unwrap();
    same(&cloud, &["CreateSecret", "GetSecretValue"]);
    let token = value["ClientRequestToken"].as_str().unwrap();
    assert!((32..=64).contains(&token.len()), "as the API reference has it: {token}");

    cloud.done();
    engine.provide(&instance).await.unwrap();
    let value: Value = serde_json::from_str(&cloud.asked("PutSecretValue")[0]).unwrap();
    let put = sdk.put_secret_value().secret_id(&name).secret_string(value["SecretString"].as_str().unwrap());
    put.send().await.unwrap();
    assert_ne!(value["ClientRequestToken"], json!(token), "another version has another");
    same(&cloud, &["PutSecretValue"]);

    cloud.done();
    for _ in 0..2 {
        cloud.fails("DescribeReplicationGroups", 404, "ReplicationGroupNotFoundFault");
    }
    engine.remove(&instance).await.unwrap();
    let _ = sdk.delete_secret().secret_id(&name).force_delete_without_recovery(true).send().await;
    same(&cloud, &["DeleteSecret"]);
}

/// Where each service is, in each partition, as its SDK has it, where it has it.
#[tokio::test]
async fn services_are_where_their_sdks_find_them() {
    macro_rules! theirs {
        ($sdk:ident, $region:expr, $fips:expr, $dual_stack:expr) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
            let params = Params::builder().region($region).use_fips($fips).use_dual_stack($dual_stack).build().unwrap();
            DefaultResolver::new().resolve_endpoint(&params).await.map(|endpoint| endpoint.url().to_owned())
        }};
    }
    let regions = ["us-east-1", "eu-central-1", "us-gov-west-1", "us-gov-east-1", "cn-north-1", "eusc-de-east-1"];
    let secret = ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"];
    let (mut compared, mut different) = (0, Vec::new());
    for region in regions.into_iter().chain(secret) {
        for (fips, dual_stack) in [(false, false), (false, true), (true, false), (true, true)] {
            let found = [
                ("rds", theirs!(aws_sdk_rds, region, fips, dual_stack)),
                ("elasticache", theirs!(aws_sdk_elasticache, region, fips, dual_stack)),
                ("ecs", theirs!(aws_sdk_ecs, region, fips, dual_stack)),
                ("secretsmanager", theirs!(aws_sdk_secretsmanager, region, fips, dual_stack)),
            ];
            for (service, theirs) in found {
                let Ok(theirs) = theirs else { continue };
                let ours = shared::cloud::endpoint(service, region, fips, dual_stack);
                compared += 1;
                if ours != theirs {
                    different.push(format!("{ours} is {theirs}"));
                }
            }
        }
    }
    assert!(compared >= 100 && different.is_empty(), "{compared}: {different:#?}");
}
