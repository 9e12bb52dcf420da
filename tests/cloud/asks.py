"""Prints the functions of which `sam deploy --guided` asks whether anybody may call them."""

import json
import sys

from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
print(json.dumps([resource for resource, is_closed in auth_per_resource(stacks) if not is_closed]))
