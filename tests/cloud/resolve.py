"""References in a transformed template, resolved against a stack that exists."""

import re

ACCOUNT, REGION = "123456789012", "us-east-1"


class Gone(Exception):
    """What is referred to was not made."""


class Resolver:
    def __init__(self, document, parameters, stack, resources):
        # `resources`: logical name to physical name, of those that were made.
        given = {name: parameter.get("Default", "") for name, parameter in document["Parameters"].items()} | parameters
        lists = {name for name, parameter in document["Parameters"].items() if parameter["Type"] == "CommaDelimitedList"}
        self.conditions = document["Conditions"]
        self.types = {name: resource["Type"] for name, resource in document["Resources"].items()}
        self.refs = {name: value.split(",") if name in lists else value for name, value in given.items()}
        self.refs |= resources
        self.refs |= {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::StackName": stack}
        self.refs |= {"AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": None}

    def __call__(self, value):
        if isinstance(value, list):
            return [kept for kept in map(self, value) if kept is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function == "Ref":
                return self.ref(argument)
            if function == "Fn::GetAtt":
                name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.attribute(name, attribute)
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^!}]+)\}", lambda found: str(self.named(found[1])), argument)
            if function == "Fn::If":
                condition, then, otherwise = argument
                return self(then if self.condition(self.conditions[condition]) else otherwise)
            if function == "Fn::Join":
                return argument[0].join(map(str, self(argument[1])))
        resolved = {key: self(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not None}

    def ref(self, name):
        if name not in self.refs:
            raise Gone(name)
        return self.refs[name]

    def named(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def attribute(self, name, attribute):
        physical, kind = self.ref(name), self.types[name]
        if kind == "AWS::SQS::Queue":
            short = physical.rsplit("/", 1)[-1]
            return {"QueueName": short, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{short}"}[attribute]
        raise Gone(f"{name}.{attribute}")

    def condition(self, condition):
        (function, argument), = condition.items()
        if function == "Condition":
            return self.condition(self.conditions[argument])
        if function == "Fn::Equals":
            return str(self(argument[0])) == str(self(argument[1]))
        inner = [self.condition(part) for part in argument]
        return {"Fn::Not": lambda: not inner[0], "Fn::And": lambda: all(inner), "Fn::Or": lambda: any(inner)}[function]()
