"""A group, a registry and a container for models: `python main.py up`, `python main.py destroy`."""

import os
import sys

import pulumi
from pulumi import automation
from pulumi_modelops import azure

SUBSCRIPTION = os.environ.get("SUBSCRIPTION", "00000000-1111-2222-3333-444444444444")
LOCATION = "eastus2"


def program() -> None:
    group = azure.ResourceGroup(
        "group", subscription_id=SUBSCRIPTION, name="modelops-example-rg", location=LOCATION
    )
    registry = azure.ContainerRegistry(
        "registry",
        subscription_id=SUBSCRIPTION,
        resource_group=group.name,
        name="modelopsexample",
        location=LOCATION,
        sku="Basic",
        admin_user_enabled=False,
    )
    storage = azure.StorageAccount(
        "storage",
        subscription_id=SUBSCRIPTION,
        resource_group=group.name,
        name="modelopsexample",
        location=LOCATION,
        sku="Standard_LRS",
    )
    azure.BlobContainer("models", account_id=storage.id, name="models")
    pulumi.export("loginServer", registry.login_server)
    pulumi.export("blobEndpoint", storage.blob_endpoint)


def main() -> None:
    stack = automation.create_or_select_stack(
        stack_name="dev", project_name="modelops-python", program=program
    )
    if sys.argv[1:] == ["destroy"]:
        stack.destroy(on_output=print)
    else:
        changes = stack.up(on_output=print).summary.resource_changes or {}
        print("changes:", ", ".join(f"{n} {what}" for what, n in sorted(changes.items())))


main()
