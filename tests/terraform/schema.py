"""schema.py BINDINGS FOLDER: what the AWS provider knows of the resources that the Terraform files in FOLDER use, as JSON.

The provider itself cannot be had from a package registry, but its bindings for TypeScript can (npm `@cdktf/provider-aws`): they
are generated from its schema, and their description (`.jsii`) names every argument and block, which of them are
required, and what is known afterwards. Sets are lists here: the bindings do not tell them apart. They end with version
6.25: what was added since and is used is in LATER.
"""

import json
import pathlib
import re
import sys

# A property tells which argument of which resource it stands for by a link.
LINK = re.compile(r"docs/(resources|data-sources)/(\w+)#([a-z0-9_]+) ")

# hashicorp/terraform-provider-aws, CHANGELOG.md, 6.28.0 (pull request 44858).
LATER = {("resource", "aws_lambda_permission"): {"invoked_via_function_url": {"type": "bool", "required": False}}}


def link(member):
    docs = member.get("docs", {})
    return LINK.search(f"{docs.get('summary', '')} {docs.get('remarks', '')}")


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def kind(described):
    """The type of a value, or the name of the struct that a block is, and whether there may be many."""
    if "primitive" in described:
        return {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}[described["primitive"]], None, False
    if "union" in described:
        others = [inner for inner in described["union"]["types"] if inner.get("fqn") != "cdktf.IResolvable"]
        return kind(others[0])
    if "collection" in described:
        inner, struct, _ = kind(described["collection"]["elementtype"])
        collection = {"array": "list", "map": "map"}[described["collection"]["kind"]]
        return (None, struct, True) if struct else ([collection, inner], None, False)
    known = {"cdktf.IResolvable": "bool", "cdktf.StringMap": ["map", "string"]}
    value = known.get(described["fqn"])
    return (value, None, False) if value else (None, described["fqn"], False)


def block(types, struct):
    attributes, blocks = {}, {}
    for member in types[struct].get("properties", []):
        found = link(member)
        name = found[3] if found else snake(member["name"])
        value, inner, many = kind(member["type"])
        required = not member.get("optional")
        if inner in types:
            blocks[name] = {"many": many, "required": required, **block(types, inner)}
        elif value:
            attributes[name] = {"type": value, "required": required}
    return {"attributes": attributes, "blocks": blocks}


def resource(types, arguments):
    made = block(types, arguments)
    # What is known afterwards is a property of the resource itself.
    for member in types[arguments.removesuffix("Config")].get("properties", []):
        name, value = snake(member["name"]), kind(member["type"])[0]
        if value and not member.get("static") and not name.endswith("_input") and name not in made["blocks"]:
            made["attributes"].setdefault(name, {"type": value, "computed": True})
    return made


def main(bindings, folder):
    with open(bindings, encoding="utf-8") as file:
        types = json.load(file)["types"]
    arguments = {}
    for name, described in types.items():
        if "cdktf.TerraformMetaArguments" in described.get("interfaces", []):
            found = next(filter(None, map(link, described.get("properties", []))), None)
            if found:
                arguments[("resource" if found[1] == "resources" else "data", "aws_" + found[2])] = name
    schema = {"resource": {}, "data": {}}
    for path in pathlib.Path(folder).glob("*.tf"):
        for kept, name in re.findall(r'^(resource|data) "(\w+)"', path.read_text(encoding="utf-8"), re.M):
            # What the bindings do not know, the provider does not have either, and Terraform says so.
            if (kept, name) in arguments:
                schema[kept][name] = made = resource(types, arguments[(kept, name)])
                made["attributes"].update(LATER.get((kept, name), {}))
    json.dump(schema, sys.stdout)


main(*sys.argv[1:])
