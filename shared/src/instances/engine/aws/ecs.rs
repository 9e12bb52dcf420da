//! What is ephemeral, as a task of ECS on Fargate: a database in a container of its own, whose data are gone with it.
//!
//! A task is found by who started it, and run at most once: the token of its request is made of the instance. It has an address
//! of the operator's subnets and none outside of them.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, DesiredStatus, HealthStatus, LaunchType, NetworkConfiguration, Tag, Task,
    TaskDefinitionStatus, TaskStopCode,
};
use tracing::warn;

use super::definition;
use super::secret::Kept;
use super::trouble::Trouble;
use super::{Aws, Provided, Step, TASK_LOOK, Wanted, is_lost, tags, unavailable, unset};
use crate::instances::record::Place;

/// The most task definitions that are deleted by one call.
const DELETE_LIMIT: usize = 10;

pub(super) async fn provide(aws: &Aws, wanted: &Wanted<'_>, kept: &Kept) -> Result<Provided, Trouble> {
    let (client, name) = (&aws.clients().await.ecs, aws.name(wanted.id));
    let Some(cluster) = aws.settings.cluster.as_deref() else {
        return Ok(Provided::Failed("Ephemeral instances are not set up here.".to_owned()));
    };
    let tasks = tasks(client, cluster, &name).await?;
    if let Some(task) = tasks.iter().find(|task| !is_ending(task)) {
        let healthy = task.health_status() == Some(&HealthStatus::Healthy);
        let place = address(task).map(|host| Place { host, port: wanted.spec.database.port(), tls: false });
        return Ok(match place {
            Some(place) if healthy && task.last_status() == Some("RUNNING") => Provided::Ready(place),
            _ => Provided::Pending(TASK_LOOK),
        });
    }
    if let Some(task) = tasks.first() {
        warn!(instance = wanted.id, causes = task.stopped_reason(), "a task stopped");
        return Ok(Provided::Failed(why_stopped(task)));
    }
    if is_lost(kept) {
        return Ok(Provided::Failed("It was stopped.".to_owned()));
    }
    run(aws, client, cluster, wanted, kept).await
}

/// First nothing of it can be started any more, then what was started is stopped. Lists of tasks may lag behind: it is looked
/// once more after the definition was there.
pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (client, name) = (&aws.clients().await.ecs, aws.name(wanted.id));
    let active = definitions(client, &name, TaskDefinitionStatus::Active).await?;
    for arn in &active {
        let deregistered = client.deregister_task_definition().task_definition(arn).send().await;
        deregistered.map_err(|error| Trouble::of("deregister a task definition", error))?;
    }
    let inactive = definitions(client, &name, TaskDefinitionStatus::Inactive).await?;
    for some in inactive.chunks(DELETE_LIMIT) {
        let deleted = client.delete_task_definitions().set_task_definitions(Some(some.to_vec())).send().await;
        deleted.map_err(|error| Trouble::of("delete a task definition", error))?;
    }
    let Some(cluster) = aws.settings.cluster.as_deref() else {
        // Without one nothing was ever started.
        return Ok(Step::Done);
    };
    let mut tasks = tasks(client, cluster, &name).await?;
    tasks.retain(|task| task.last_status() != Some("STOPPED"));
    for task in tasks.iter().filter(|task| !is_ending(task)) {
        let stop = client.stop_task().cluster(cluster).task(task.task_arn().unwrap_or_default());
        let stopped = stop.reason("The instance is removed").send().await;
        stopped.map_err(|error| Trouble::of("stop a task", error))?;
    }
    Ok(if active.is_empty() && tasks.is_empty() { Step::Done } else { Step::Pending(TASK_LOOK) })
}

/// Every task of an instance that is known: those that stopped are for about an hour.
async fn tasks(client: &Client, cluster: &str, name: &str) -> Result<Vec<Task>, Trouble> {
    // Together with who started it nothing else may be asked for.
    let running = client.list_tasks().cluster(cluster).started_by(name).send().await;
    let running = running.map_err(|error| Trouble::of("list tasks", error))?;
    let stopped = client.list_tasks().cluster(cluster).family(name).desired_status(DesiredStatus::Stopped);
    let stopped = stopped.send().await.map_err(|error| Trouble::of("list tasks", error))?;
    let arns = [running.task_arns.unwrap_or_default(), stopped.task_arns.unwrap_or_default()].concat();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let described = client.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await;
    let described = described.map_err(|error| Trouble::of("look for a task", error))?;
    Ok(described.tasks.unwrap_or_default())
}

fn is_ending(task: &Task) -> bool {
    task.desired_status() == Some("STOPPED") || task.last_status() == Some("STOPPED")
}

/// Its address in its subnet.
fn address(task: &Task) -> Option<String> {
    let attached = task.attachments().iter().filter(|attached| attached.r#type() == Some("ElasticNetworkInterface"));
    let mut details = attached.flat_map(|attached| attached.details());
    let found = details.find(|detail| detail.name() == Some("privateIPv4Address"))?;
    found.value().map(str::to_owned)
}

/// For its user: what AWS says of it may name more than that.
fn why_stopped(task: &Task) -> String {
    let said = task.stopped_reason().unwrap_or_default();
    match task.stop_code() {
        Some(TaskStopCode::EssentialContainerExited) => {
            let container = task.containers().first();
            let code = container.and_then(|container| container.exit_code()).unwrap_or_default();
            let memory =
                container.and_then(|container| container.reason()).is_some_and(|why| why.contains("OutOfMemory"));
            format!("The server ended with code {code}{}.", if memory { ": it ran out of memory" } else { "" })
        }
        Some(TaskStopCode::TaskFailedToStart) if said.contains("CannotPull") => "Its image cannot be had.".to_owned(),
        Some(TaskStopCode::TaskFailedToStart) if said.contains("apacity") => {
            "The cloud has no capacity for it at the moment.".to_owned()
        }
        Some(TaskStopCode::TaskFailedToStart) => "Its container could not be started.".to_owned(),
        _ => "It was stopped.".to_owned(),
    }
}

async fn run(aws: &Aws, client: &Client, cluster: &str, wanted: &Wanted<'_>, kept: &Kept) -> Result<Provided, Trouble> {
    let name = aws.name(wanted.id);
    let definition = match definitions(client, &name, TaskDefinitionStatus::Active).await?.pop() {
        Some(definition) => definition,
        None => definition::register(aws, client, wanted, kept).await?,
    };
    if aws.settings.subnets.is_empty() {
        return Err(unset("INSTANCES_SUBNETS").into());
    }
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(aws.settings.subnets.clone()))
        .set_security_groups(Some(aws.settings.security_groups.clone()))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()
        .map_err(|cause| unavailable().caused_by(cause))?;
    let tags = tags(wanted).map(|(key, value)| Tag::builder().key(key).value(value).build());
    let run = client
        .run_task()
        .cluster(cluster)
        .task_definition(definition)
        .launch_type(LaunchType::Fargate)
        .count(1)
        // Of two instances with one id, the second of which was asked for when the first was gone, each is run once.
        .client_token(format!("{}-{}", wanted.id, wanted.created))
        .started_by(name)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
        .enable_execute_command(false)
        .set_tags(Some(tags.into()));
    let ran = run.send().await.map_err(|error| Trouble::of("run a task", error))?;
    match ran.failures().first() {
        None => Ok(Provided::Pending(TASK_LOOK)),
        Some(failure) => {
            let why = "The cloud has no capacity for it at the moment.";
            Err(Trouble::refused("run a task", why, failure.reason().unwrap_or_default()))
        }
    }
}

/// The definitions of an instance, the newest last.
async fn definitions(client: &Client, name: &str, status: TaskDefinitionStatus) -> Result<Vec<String>, Trouble> {
    let listed = client.list_task_definitions().family_prefix(name).status(status).send().await;
    let listed = listed.map_err(|error| Trouble::of("list task definitions", error))?;
    Ok(listed.task_definition_arns.unwrap_or_default())
}
