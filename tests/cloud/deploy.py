"""Deploys a transformed template to moto, and prints what is there afterwards as JSON.

usage: deploy.py MOTO_URL TRANSFORMED.json BUCKET

moto's CloudFormation makes what it knows and passes over the rest. Of that rest, what its services know by their own APIs
is put by those, out of the same document: what the bucket has beside its encryption, the policies of bucket and queues, the
alarms, the HTTP API, the secret. What neither knows is printed as `dropped`.
"""

import io
import json
import sys
import zipfile
from urllib.parse import urlparse

import boto3
from resolve import REGION, Gone, Resolver

STACK = "pannier"

# Objects that are put, to see which queue hears of them.
KEYS = ["photos/a/b.jpg", "outbox/1", "speech/queue/1", "uploads/u/c/handoff", "uploads/u/task", "images/a.jpg"]


def api(service, url):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name=REGION, **keys)


def create(url, document, bucket):
    """The stack, and the physical name of every resource that moto has made."""
    s3, formation = api("s3", url), api("cloudformation", url)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "a program")
    s3.create_bucket(Bucket="pannier-code")
    s3.put_object(Bucket="pannier-code", Key="functions.zip", Body=code.getvalue())
    # It is too long for a request. moto looks up the outputs of what it has not made.
    body = json.dumps({key: value for key, value in document.items() if key != "Outputs"})
    s3.put_object(Bucket="pannier-code", Key="template.json", Body=body)
    formation.create_stack(
        StackName=STACK,
        TemplateURL=f"http://localhost:{urlparse(url).port}/pannier-code/template.json",
        Parameters=[{"ParameterKey": "BucketName", "ParameterValue": bucket}],
        Capabilities=["CAPABILITY_IAM"],
    )
    made = {}
    for page in formation.get_paginator("list_stack_resources").paginate(StackName=STACK):
        for resource in page["StackResourceSummaries"]:
            if resource.get("ResourceType"):
                made[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
    return made


def put_bucket(url, bucket, properties):
    s3 = api("s3", url)
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"]
    )
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=properties["OwnershipControls"])
    rules = []
    for rule in properties["CorsConfiguration"]["CorsRules"]:
        renamed = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
        rules.append({renamed.get(key, key): value for key, value in rule.items()})
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    rules = []
    for rule in properties["LifecycleConfiguration"]["Rules"]:
        put = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
        if "ExpirationInDays" in rule:
            put["Expiration"] = {"Days": rule["ExpirationInDays"]}
        if "AbortIncompleteMultipartUpload" in rule:
            put["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
        rules.append(put)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    queues = [
        {
            "QueueArn": queue["Queue"],
            "Events": [queue["Event"]],
            "Filter": {"Key": {"FilterRules": queue["Filter"]["S3Key"]["Rules"]}},
        }
        for queue in properties["NotificationConfiguration"]["QueueConfigurations"]
    ]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": queues}
    )


def put(url, name, resource, resolve):
    """Makes a resource by its service's own API; whether that is known here."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::S3::Bucket":
        properties = resolve(properties)
        put_bucket(url, properties["BucketName"], properties)
    elif kind == "AWS::S3::BucketPolicy":
        # The statement about a distribution that was not made is left out.
        statements = [statement for statement in properties["PolicyDocument"]["Statement"] if "Cdn" not in str(statement)]
        policy = json.dumps(resolve({"Version": "2012-10-17", "Statement": statements}))
        api("s3", url).put_bucket_policy(Bucket=resolve(properties["Bucket"]), Policy=policy)
    elif kind == "AWS::SQS::QueuePolicy":
        policy = json.dumps(resolve(properties["PolicyDocument"]))
        for queue in resolve(properties["Queues"]):
            api("sqs", url).set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    elif kind == "AWS::CloudWatch::Alarm":
        api("cloudwatch", url).put_metric_alarm(AlarmName=name, **resolve(properties))
    elif kind == "AWS::SecretsManager::Secret":
        properties = resolve(properties)
        wanted = properties.pop("GenerateSecretString")
        secrets = api("secretsmanager", url)
        value = secrets.get_random_password(**wanted)["RandomPassword"]
        secrets.create_secret(Name=name, SecretString=value, **properties)
    elif kind == "AWS::ApiGatewayV2::Api":
        gateway = api("apigatewayv2", url)
        made = resolve.refs[name] = gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        for path, methods in properties["Body"]["paths"].items():
            for method, operation in methods.items():
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"].split("${")[-1].split(".Arn")[0]
                target = gateway.create_integration(
                    ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=resolve.ref(uri), PayloadFormatVersion="2.0"
                )["IntegrationId"]
                route = path if path == "$default" else f"{method.upper()} {path}"
                gateway.create_route(ApiId=made, RouteKey=route, Target=f"integrations/{target}")
    else:
        return False
    return True


def everything(client, operation, member, **arguments):
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page[member]]


def look(url, bucket):
    """What there is now, as the services tell it."""
    s3, sqs, functions, cloudwatch = (api(name, url) for name in ["s3", "sqs", "lambda", "cloudwatch"])
    iam, events, gateway = api("iam", url), api("events", url), api("apigatewayv2", url)
    attributes = [
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        for queue in sqs.list_queues()["QueueUrls"]
    ]
    roles = {}
    for role in everything(iam, "list_roles", "Roles"):
        name = role["RoleName"]
        own = iam.list_role_policies(RoleName=name)["PolicyNames"]
        roles[name] = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in own]
    rules = [
        rule | {"Targets": events.list_targets_by_rule(Rule=rule["Name"])["Targets"]}
        for rule in events.list_rules()["Rules"]
    ]
    boards = [board["DashboardName"] for board in cloudwatch.list_dashboards()["DashboardEntries"]]
    made = gateway.get_apis()["Items"][0]["ApiId"]
    return {
        "bucket": {
            "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
            "block": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            "cors": s3.get_bucket_cors(Bucket=bucket)["CORSRules"],
            "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
            "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
            "versioning": s3.get_bucket_versioning(Bucket=bucket).get("Status"),
        },
        "queues": attributes,
        "functions": everything(functions, "list_functions", "Functions"),
        "roles": roles,
        "rules": rules,
        "routes": everything(gateway, "get_routes", "Items", ApiId=made),
        "logs": api("logs", url).describe_log_groups()["logGroups"],
        "alarms": everything(cloudwatch, "describe_alarms", "MetricAlarms"),
        "dashboards": [json.loads(cloudwatch.get_dashboard(DashboardName=board)["DashboardBody"]) for board in boards],
        "secrets": api("secretsmanager", url).list_secrets()["SecretList"],
    }


def unhook(url):
    """What reads queues; told, and switched off, or moto would try to run functions."""
    functions = api("lambda", url)
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    return mappings


def news(url, bucket, keys):
    """Which queues hear of an object."""
    s3, sqs = api("s3", url), api("sqs", url)
    heard = {}
    queues = sqs.list_queues()["QueueUrls"]
    for queue in queues:
        sqs.purge_queue(QueueUrl=queue)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        heard[key] = []
        for queue in queues:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=0).get("Messages", []):
                heard[key].append([queue.rsplit("/", 1)[-1], json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"]])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return heard


def main():
    url, path, bucket = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    made = create(url, document, bucket)
    mappings = unhook(url)
    resolve = Resolver(document, {"BucketName": bucket}, STACK, made)
    dropped, heard = {}, {}
    # Alarms after what they measure. The bucket's policy last: moto reads no conditions, and refuses whatever somebody
    # may be refused.
    late = ["AWS::CloudWatch::Alarm", "AWS::S3::BucketPolicy"]
    ordered = sorted(
        document["Resources"].items(), key=lambda pair: late.index(pair[1]["Type"]) if pair[1]["Type"] in late else -1
    )
    for name, resource in ordered:
        if "Condition" in resource and not resolve.condition(document["Conditions"][resource["Condition"]]):
            continue
        if resource["Type"] == "AWS::S3::BucketPolicy":
            heard = news(url, bucket, KEYS)
        try:
            if not put(url, name, resource, resolve) and name not in made:
                dropped[name] = resource["Type"]
        except Gone as gone:
            dropped[name] = f"{resource['Type']} needs {gone}"
    result = {"made": made, "dropped": dropped, **look(url, bucket), "mappings": mappings, "news": heard}
    json.dump(result, sys.stdout, default=str)


main()
