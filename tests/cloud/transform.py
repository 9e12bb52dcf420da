"""template.yaml as CloudFormation gets to see it: what AWS's own translator makes of it, as JSON on standard output.

The translator is the one that runs in the service. It asks for two things that are not there without a network: where the
code of each function lies after `sam package`, which is written in here, and the ARNs of AWS's managed policies by name.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """The ones that the translator attaches itself; the template names none, and another one is an error."""

    def load(self):
        service_roles = ["AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole"]
        arns = {name: f"arn:aws:iam::aws:policy/service-role/{name}" for name in service_roles}
        return arns | {"AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    template["Globals"]["Function"]["CodeUri"] = "s3://pannier-code/functions.zip"
    json.dump(transform(template, {}, ManagedPolicies()), sys.stdout)


main()
