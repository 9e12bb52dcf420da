//! What is ephemeral, as a task of ECS on Fargate: a database in a container of its own, whose data are gone with it.
//!
//! A task is found by who started it, and run at most once: the token of its request is made of the instance. It has an address
//! of the operator's subnets and none outside of them.

use serde::Deserialize;
use serde_json::json;
use tracing::warn;

use super::definition;
use super::secret::Kept;
use super::service::{Json, or_empty};
use super::trouble::Trouble;
use super::{Aws, Provided, Step, TASK_LOOK, Wanted, is_lost, unset};
use crate::instances::record::Place;

/// The most task definitions that are deleted by one call.
const DELETE_LIMIT: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default, deserialize_with = "or_empty")]
    task_arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedDefinitions {
    #[serde(default, deserialize_with = "or_empty")]
    task_definition_arns: Vec<String>,
}

/// Of DescribeTasks and RunTask.
#[derive(Deserialize)]
struct Tasks {
    #[serde(default, deserialize_with = "or_empty")]
    tasks: Vec<Task>,
    #[serde(default, deserialize_with = "or_empty")]
    failures: Vec<NotRun>,
}

#[derive(Deserialize)]
struct NotRun {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    task_arn: Option<String>,
    last_status: Option<String>,
    desired_status: Option<String>,
    health_status: Option<String>,
    stop_code: Option<String>,
    stopped_reason: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "or_empty")]
    containers: Vec<Container>,
}

impl Task {
    fn has_status(&self, status: &str) -> bool {
        self.last_status.as_deref() == Some(status)
    }
}

#[derive(Deserialize)]
struct Attachment {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    exit_code: Option<i32>,
    reason: Option<String>,
}

pub(super) async fn provide(aws: &Aws, wanted: &Wanted<'_>, kept: &Kept) -> Result<Provided, Trouble> {
    let (ecs, name) = (&aws.services().await?.ecs, aws.name(wanted.id));
    let Some(cluster) = aws.settings.cluster.as_deref() else {
        return Ok(Provided::Failed("Ephemeral instances are not set up here.".to_owned()));
    };
    let tasks = tasks(ecs, cluster, &name).await?;
    if let Some(task) = tasks.iter().find(|task| !is_ending(task)) {
        let healthy = task.health_status.as_deref() == Some("HEALTHY");
        let place = address(task).map(|host| Place { host, port: wanted.spec.database.port(), tls: false });
        return Ok(match place {
            Some(place) if healthy && task.has_status("RUNNING") => Provided::Ready(place),
            _ => Provided::Pending(TASK_LOOK),
        });
    }
    if let Some(task) = tasks.first() {
        warn!(instance = wanted.id, causes = task.stopped_reason, "a task stopped");
        return Ok(Provided::Failed(why_stopped(task)));
    }
    if is_lost(kept) {
        return Ok(Provided::Failed("It was stopped.".to_owned()));
    }
    run(aws, ecs, cluster, wanted, kept).await
}

/// First nothing of it can be started any more, then what was started is stopped. Lists of tasks may lag behind: it is looked
/// once more after the definition was there.
pub(super) async fn remove(aws: &Aws, wanted: &Wanted<'_>) -> Result<Step, Trouble> {
    let (ecs, name) = (&aws.services().await?.ecs, aws.name(wanted.id));
    let active = definitions(ecs, &name, "ACTIVE").await?;
    for arn in &active {
        let which = json!({ "taskDefinition": arn });
        ecs.tell("DeregisterTaskDefinition", which, "deregister a task definition").await?;
    }
    let inactive = definitions(ecs, &name, "INACTIVE").await?;
    for some in inactive.chunks(DELETE_LIMIT) {
        let which = json!({ "taskDefinitions": some });
        ecs.tell("DeleteTaskDefinitions", which, "delete a task definition").await?;
    }
    let Some(cluster) = aws.settings.cluster.as_deref() else {
        // Without one nothing was ever started.
        return Ok(Step::Done);
    };
    let mut tasks = tasks(ecs, cluster, &name).await?;
    tasks.retain(|task| !task.has_status("STOPPED"));
    for task in tasks.iter().filter(|task| !is_ending(task)) {
        let stop = json!({ "cluster": cluster, "task": task.task_arn, "reason": "The instance is removed" });
        ecs.tell("StopTask", stop, "stop a task").await?;
    }
    Ok(if active.is_empty() && tasks.is_empty() { Step::Done } else { Step::Pending(TASK_LOOK) })
}

/// Every task of an instance that is known: those that stopped are for about an hour.
async fn tasks(ecs: &Json, cluster: &str, name: &str) -> Result<Vec<Task>, Trouble> {
    // Together with who started it nothing else may be asked for.
    let running = json!({ "cluster": cluster, "startedBy": name });
    let running: Listed = ecs.ask("ListTasks", running, "list tasks").await?;
    let stopped = json!({ "cluster": cluster, "family": name, "desiredStatus": "STOPPED" });
    let stopped: Listed = ecs.ask("ListTasks", stopped, "list tasks").await?;
    let arns = [running.task_arns, stopped.task_arns].concat();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let which = json!({ "cluster": cluster, "tasks": arns });
    let described: Tasks = ecs.ask("DescribeTasks", which, "look for a task").await?;
    Ok(described.tasks)
}

fn is_ending(task: &Task) -> bool {
    task.desired_status.as_deref() == Some("STOPPED") || task.has_status("STOPPED")
}

/// Its address in its subnet.
fn address(task: &Task) -> Option<String> {
    let attached =
        task.attachments.iter().filter(|attached| attached.kind.as_deref() == Some("ElasticNetworkInterface"));
    let mut details = attached.flat_map(|attached| &attached.details);
    details.find(|detail| detail.name.as_deref() == Some("privateIPv4Address"))?.value.clone()
}

/// For its user: what AWS says of it may name more than that.
fn why_stopped(task: &Task) -> String {
    let said = task.stopped_reason.as_deref().unwrap_or_default();
    match task.stop_code.as_deref() {
        Some("EssentialContainerExited") => {
            let container = task.containers.first();
            let code = container.and_then(|container| container.exit_code).unwrap_or_default();
            let why = container.and_then(|container| container.reason.as_deref());
            let memory = why.is_some_and(|why| why.contains("OutOfMemory"));
            format!("The server ended with code {code}{}.", if memory { ": it ran out of memory" } else { "" })
        }
        Some("TaskFailedToStart") if said.contains("CannotPull") => "Its image cannot be had.".to_owned(),
        Some("TaskFailedToStart") if said.contains("apacity") => {
            "The cloud has no capacity for it at the moment.".to_owned()
        }
        Some("TaskFailedToStart") => "Its container could not be started.".to_owned(),
        _ => "It was stopped.".to_owned(),
    }
}

async fn run(aws: &Aws, ecs: &Json, cluster: &str, wanted: &Wanted<'_>, kept: &Kept) -> Result<Provided, Trouble> {
    let name = aws.name(wanted.id);
    let definition = match definitions(ecs, &name, "ACTIVE").await?.pop() {
        Some(definition) => definition,
        None => definition::register(aws, ecs, wanted, kept).await?,
    };
    if aws.settings.subnets.is_empty() {
        return Err(unset("INSTANCES_SUBNETS").into());
    }
    let network = json!({
        "subnets": aws.settings.subnets,
        "securityGroups": aws.settings.security_groups,
        "assignPublicIp": "DISABLED",
    });
    let run = json!({
        "cluster": cluster,
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "count": 1,
        // Of two instances with one id, the second of which was asked for when the first was gone, each is run once.
        "clientToken": format!("{}-{}", wanted.id, wanted.created),
        "startedBy": name,
        "networkConfiguration": { "awsvpcConfiguration": network },
        "enableExecuteCommand": false,
        "tags": definition::tagged(wanted),
    });
    let ran: Tasks = ecs.ask("RunTask", run, "run a task").await?;
    match ran.failures.first() {
        None => Ok(Provided::Pending(TASK_LOOK)),
        Some(failure) => {
            let why = "The cloud has no capacity for it at the moment.";
            Err(Trouble::refused("run a task", why, failure.reason.as_deref().unwrap_or_default()))
        }
    }
}

/// The definitions of an instance, the newest last.
async fn definitions(ecs: &Json, name: &str, status: &str) -> Result<Vec<String>, Trouble> {
    let which = json!({ "familyPrefix": name, "status": status });
    let listed: ListedDefinitions = ecs.ask("ListTaskDefinitions", which, "list task definitions").await?;
    Ok(listed.task_definition_arns)
}
