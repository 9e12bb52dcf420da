//! What a task of ECS is made of. Its password is nowhere in it: it names the secret.

use serde::Deserialize;
use serde_json::{Value, json};

use super::secret::{self, Kept};
use super::service::Json;
use super::trouble::Trouble;
use super::{Aws, Wanted, tags, unset};
use crate::instances::spec::Database;

/// How often the health of a container is looked at, and how long that may take, in seconds.
const HEALTH_INTERVAL: u32 = 5;
/// See [`HEALTH_INTERVAL`].
const HEALTH_LIMIT: u32 = 5;
/// How often it may fail, and for how long it does not count: the most that ECS takes of both.
const HEALTH_RETRIES: u32 = 10;
/// See [`HEALTH_RETRIES`].
const HEALTH_START: u32 = 300;

/// What Redis needs beside its data: a quarter, and this many MB.
const REDIS_SPARE: u32 = 128;

/// Thousandths of a processor that MySQL needs to be there in time.
const MYSQL_CPU: u32 = 512;

/// Thousandths of a processor, and the least, the most and the step of the MB that go with them (ECS developer guide, "Task
/// CPU and memory"); of the smallest one only powers of two.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2_048, 0),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// Whether MySQL lets root in. The server that only prepares the data has no port yet.
const MYSQL_HEALTH: &str = "MYSQL_PWD=\"$MYSQL_ROOT_PASSWORD\" \"$(command -v mysql || command -v mariadb)\" \
     --protocol=tcp --host=127.0.0.1 --user=root --execute='SELECT 1'";

/// Whether Redis lets in. Every version reads commands from its input.
const REDIS_HEALTH: &str = "printf 'AUTH %s\\nPING\\n' \"$REDIS_PASSWORD\" | redis-cli | grep -q PONG";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    task_definition: Definition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    task_definition_arn: String,
}

/// Tags as ECS has them.
pub(super) fn tagged(wanted: &Wanted<'_>) -> Value {
    tags(wanted).into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Makes the definition of an instance's task; its ARN.
pub(super) async fn register(aws: &Aws, ecs: &Json, wanted: &Wanted<'_>, kept: &Kept) -> Result<String, Trouble> {
    let role = aws.settings.execution_role.as_deref().ok_or_else(|| unset("INSTANCES_EXECUTION_ROLE"))?;
    let (least_cpu, memory) = match wanted.spec.database {
        Database::Mysql { .. } => (MYSQL_CPU, aws.mysql_memory),
        Database::Redis { memory } => (0, memory + memory / 4 + REDIS_SPARE),
    };
    let too_large = "No task has as much memory.";
    let (cpu, memory) =
        size(least_cpu, memory).ok_or_else(|| Trouble::refused("size a task", too_large, "too large"))?;
    let register = json!({
        "family": aws.name(wanted.id),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": cpu.to_string(),
        "memory": memory.to_string(),
        "executionRoleArn": role,
        "containerDefinitions": [container(aws, wanted, kept, memory)],
        "tags": tagged(wanted),
    });
    let registered: Registered = ecs.ask("RegisterTaskDefinition", register, "register a task definition").await?;
    Ok(registered.task_definition.task_definition_arn)
}

/// All of the task's memory is its only container's, and not more: then it is told that it ran out of it.
fn container(aws: &Aws, wanted: &Wanted<'_>, kept: &Kept, memory: u32) -> Value {
    let database = &wanted.spec.database;
    let (image, variable, command, health) = match database {
        Database::Mysql { charset, collation } => {
            let options = [format!("--character-set-server={charset}"), format!("--collation-server={collation}")];
            (&aws.mysql_image, "MYSQL_ROOT_PASSWORD", options.to_vec(), MYSQL_HEALTH)
        }
        Database::Redis { memory } => (&aws.redis_image, "REDIS_PASSWORD", redis_command(*memory), REDIS_HEALTH),
    };
    // One field of the JSON, in whichever version is the current one.
    let from = format!("{}:{}::", kept.arn, secret::PASSWORD);
    json!({
        "name": database.word(),
        "image": image,
        "essential": true,
        // No share of its own: all of the task's.
        "cpu": 0,
        "memory": memory,
        "portMappings": [{ "containerPort": database.port(), "protocol": "tcp" }],
        "secrets": [{ "name": variable, "valueFrom": from }],
        "command": command,
        "healthCheck": {
            "command": ["CMD-SHELL", health],
            "interval": HEALTH_INTERVAL,
            "timeout": HEALTH_LIMIT,
            "retries": HEALTH_RETRIES,
            "startPeriod": HEALTH_START,
        },
    })
}

/// Redis reads its configuration from its input, which is in no list of processes, and does not get the variable.
fn redis_command(memory: u32) -> Vec<String> {
    let script = format!(
        "exec env -u REDIS_PASSWORD docker-entrypoint.sh redis-server - <<END\n\
         requirepass $REDIS_PASSWORD\nmaxmemory {memory}mb\nsave \"\"\nappendonly no\nEND\n"
    );
    vec!["sh".to_owned(), "-c".to_owned(), script]
}

/// The smallest processor, from this one on, and memory in MB that a task may have and that holds this much.
fn size(least_cpu: u32, memory: u32) -> Option<(u32, u32)> {
    let fits = |(cpu, _, most, _): &&(u32, u32, u32, u32)| *cpu >= least_cpu && *most >= memory;
    let (cpu, least, _, step) = SIZES.iter().find(fits)?;
    let rounded = if *step == 0 { memory.next_power_of_two() } else { memory.next_multiple_of(*step) };
    Some((*cpu, rounded.max(*least)))
}

#[cfg(test)]
mod tests {
    use super::{SIZES, redis_command, size};

    #[test]
    fn a_task_has_a_size_that_fargate_knows() {
        assert_eq!(size(0, 208), Some((256, 512)));
        assert_eq!(size(0, 513), Some((256, 1_024)));
        assert_eq!(size(512, 384), Some((512, 1_024)));
        assert_eq!(size(0, 2_049), Some((512, 3_072)));
        assert_eq!(size(0, 5_248), Some((1_024, 6_144)));
        assert_eq!(size(512, 65_536), Some((16_384, 65_536)));
        assert_eq!(size(0, 122_881), None);
        for memory in 1..=122_880 {
            let (cpu, given) = size(0, memory).unwrap();
            let (_, least, most, step) = SIZES.iter().find(|size| size.0 == cpu).unwrap();
            assert!(given >= memory && (least..=most).contains(&&given), "{memory} {cpu} {given}");
            assert!(given.checked_rem(*step).unwrap_or_else(|| given.count_ones() - 1) == 0, "{memory} {cpu} {given}");
        }
    }

    #[test]
    fn the_command_of_redis_names_its_password_only() {
        let script = redis_command(500).pop().unwrap();
        assert!(script.contains("requirepass $REDIS_PASSWORD\nmaxmemory 500mb\n"), "{script}");
        assert!(script.starts_with("exec env -u REDIS_PASSWORD "), "{script}");
    }
}
