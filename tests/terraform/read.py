"""Prints what a deployment says of each function, as JSON: read.py template.yaml, or read.py infra/terraform.

The two say it in different words, and this brings them to the same. Names of settings are `${archive_prefix}`, rights are
lists of [action, resource, condition]. What a function may do with logs, traces and its own queue is left out: SAM adds
it where it makes the roles.
"""

import json
import pathlib
import re
import sys

import hcl2
import yaml

PLATFORM = ("logs:", "xray:", "sqs:")


def snake(name):
    """ArchivePrefix -> archive_prefix"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# --- template.yaml


class Loader(yaml.SafeLoader):
    """Takes the short forms of CloudFormation as they are written."""


def short(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short)


def many(value):
    return value if isinstance(value, list) else [value]


def plain(value):
    """A string with `${name}` in it, whichever way the template puts it together."""
    if isinstance(value, dict):
        ((kind, value),) = value.items()
        value = value if kind == "Sub" else "${%s}" % value
    value = re.sub(r"\$\{(\w+)\}", lambda name: "${%s}" % snake(name[1]), str(value))
    return value.replace("arn:${AWS::Partition}:s3:::${bucket_name}", "bucket")


class Template:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            template = yaml.load(file, Loader)
        self.resources = template["Resources"]
        self.defaults = template["Globals"]["Function"]

    def named(self, reference):
        ((_, name),) = reference.items()
        return self.resources[name.split(".")[0]]["Properties"]

    def documents(self, properties):
        """The policies of a function, or of the role that it names."""
        if "Role" in properties:
            properties = self.named(properties["Role"])
        for policy in properties.get("Policies", []) + properties.get("ManagedPolicyArns", []):
            if "If" in policy:
                policy = policy["If"][1]
            if "Ref" in policy:
                policy = self.named(policy)
            yield policy.get("PolicyDocument", policy)

    def rights(self, properties):
        found = set()
        for document in self.documents(properties):
            for statement in document["Statement"]:
                assert statement["Effect"] == "Allow", statement
                conditions = [
                    f"{test} {name} {plain(value)}"
                    for test, names in statement.get("Condition", {}).items()
                    for name, values in names.items()
                    for value in many(values)
                ]
                for action in many(statement["Action"]):
                    for resource in many(statement["Resource"]):
                        found.update((action, plain(resource), condition) for condition in conditions or [""])
        return found

    def news(self):
        """Prefix and suffix of the objects whose news a queue gets, by the queue."""
        found = {}
        for bucket in self.resources.values():
            notifications = bucket["Properties"].get("NotificationConfiguration", {}) if "Properties" in bucket else {}
            for queue in notifications.get("QueueConfigurations", []):
                rules = {rule["Name"]: plain(rule["Value"]) for rule in queue["Filter"]["S3Key"]["Rules"]}
                found[queue["Queue"]["GetAtt"]] = [rules.get("prefix", ""), rules.get("suffix", "")]
        return found

    def function(self, properties):
        url = properties.get("FunctionUrlConfig")
        events = list(properties.get("Events", {}).values())
        of = lambda kind: [event["Properties"] for event in events if event["Type"] == kind]
        variables = properties.get("Environment", {}).get("Variables", {})
        queues = [(*self.news()[queue["Queue"]["GetAtt"]], queue["BatchSize"]) for queue in of("SQS")]
        return {
            "says": properties["Description"],
            "memory": properties.get("MemorySize", self.defaults["MemorySize"]),
            "timeout": properties.get("Timeout", self.defaults["Timeout"]),
            "door": {None: "api", "RESPONSE_STREAM": "stream", "BUFFERED": "buffered"}[url and url["InvokeMode"]],
            "routes": [f"{route['Method']} {route['Path']}" for route in of("HttpApi") if "Path" in route],
            "queues": queues,
            "every": [re.fullmatch(r"rate\((.*)\)", due["Schedule"])[1] for due in of("Schedule")],
            "config": "Layers" in properties,
            "secret": "PANNIER_SECRET" in variables,
            "variables": {name: plain(value) for name, value in variables.items()},
            "rights": self.rights(properties),
        }

    def functions(self):
        for resource in self.resources.values():
            if resource["Type"] == "AWS::Serverless::Function":
                name = resource["Metadata"]["BuildProperties"]["Binary"]
                yield name, self.function(resource["Properties"])


# --- infra/terraform


class Terraform:
    def __init__(self, folder):
        self.values = {}
        for path in pathlib.Path(folder).glob("*.tf"):
            with path.open(encoding="utf-8") as file:
                for block in hcl2.load(file).get("locals", []):
                    self.values.update(block)

    def value(self, value):
        """What an expression is worth, as far as the functions use expressions: local names, settings in strings."""
        if isinstance(value, dict):
            return {self.value(key): self.value(inner) for key, inner in value.items() if key != "__is_block__"}
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        if not isinstance(value, str):
            return value
        return self.text(value.removeprefix('"').removesuffix('"'))

    def text(self, text):
        text = re.sub(r"\$\{var\.(\w+)\}", r"${\1}", text)
        text = text.replace("${local.partition}", "${AWS::Partition}").replace("${local.account}", "${AWS::AccountId}")
        text = text.replace("${region}", "${AWS::Region}").replace("${local.bucket_arn}", "bucket")
        text = text.replace("${local.cluster_arn}", self.values["cluster_arn"].strip('"'))
        service = re.compile(r"\$\{local\.of\.(\w+)\}")
        text = service.sub(r"arn:${AWS::Partition}:\1:${AWS::Region}:${AWS::AccountId}", text)
        roles = re.search(r"\[for service in \[(.*)\] : \"(.*)\"\]", text)
        if roles:
            return [roles[2].replace("${service}", name.strip(' "')) for name in roles[1].split(",")]
        return re.sub(r"\$\{var\.(\w+)\}", r"${\1}", text)

    def local(self, name):
        return self.value(self.values[name])

    def rights(self, function):
        found = set()
        jobs = [function, *(self.local("shared")[job] for job in function["uses"])]
        for job in jobs:
            for kind, action in self.local("actions").items():
                found.update((action, f"bucket/{key}", "") for key in job.get(kind, []))
            for kind, test in {"finds": "StringLikeIfExists", "lists": "StringLike"}.items():
                found.update(("s3:ListBucket", "bucket", f"{test} s3:prefix {key}") for key in job.get(kind, []))
        for name in function["also"]:
            statements = self.local("beside")[name]
            for statement in statements if isinstance(statements, list) else self.local(name):
                conditions = [
                    f"{condition['test']} {condition['variable']} {value}"
                    for condition in statement["conditions"]
                    for value in condition["values"]
                ]
                for action in statement["actions"]:
                    for resource in statement["resources"]:
                        found.update((action, resource, condition) for condition in conditions or [""])
        return found

    def function(self, said):
        function = {**self.local("unsaid"), **said}
        news = self.local("queues")
        queues = [] if function["queue"] is None else [news[function["queue"]]]
        variables = function["variables"]
        if function["config"]:
            variables["PANNIER_CONFIG"] = True
        if function["secret"]:
            variables["PANNIER_SECRET"] = True
        if function["door"] == "stream":
            variables["RESPONSE_MODE"] = "stream"
        return {
            **{key: function[key] for key in ("says", "memory", "timeout", "door", "config", "secret", "variables")},
            "routes": [route for route in function["routes"] if route != "$default"],
            "queues": [(queue["prefix"], queue["suffix"], queue["batch"]) for queue in queues],
            "every": [] if function["every"] is None else [function["every"]],
            "rights": self.rights(function),
        }

    def functions(self):
        for job in ("archives", "images", "speech", "uploads", "instances", "pages"):
            for name, said in self.local(job).items():
                yield name, self.function(said)


def ordered(function):
    # How a layer and a secret get there differs; that they do is `config` and `secret`.
    for name in ("PANNIER_CONFIG", "PANNIER_SECRET"):
        if name in function["variables"]:
            function["variables"][name] = True
    rights = (right for right in function["rights"] if not right[0].startswith(PLATFORM))
    return {**function, "routes": sorted(function["routes"]), "rights": sorted(rights)}


def main(path):
    deployment = Terraform(path) if pathlib.Path(path).is_dir() else Template(path)
    json.dump({name: ordered(function) for name, function in deployment.functions()}, sys.stdout, indent=1)


main(sys.argv[1])
