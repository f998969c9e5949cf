"""Registry and storage of a workspace as one component: `python workspace.py up`, `python workspace.py destroy`."""

import os
import sys

import pulumi
import pulumi_modelops as modelops
from pulumi import automation

SUBSCRIPTION = os.environ.get("SUBSCRIPTION", "00000000-1111-2222-3333-444444444444")


def program() -> None:
    place = {"resource_group": "modelops-workspace-rg", "location": "eastus2"}
    sas = [{"container": "bundle-blobs", "permissions": "rl"}]
    main = modelops.Workspace(
        "main",
        registry={"name": "modelopsworkspace"},
        storage={**place, "account_name": "modelopsworkspace", "sas": sas},
        subscription_id=SUBSCRIPTION,
    )
    pulumi.export("registry", main.registry)
    pulumi.export("storage", main.storage)


def main() -> None:
    stack = automation.create_or_select_stack(
        stack_name="dev", project_name="modelops-workspace", program=program
    )
    if sys.argv[1:] == ["destroy"]:
        # The resource group is protected, as with a stack file.
        stack.destroy(on_output=print, exclude_protected=True)
    else:
        changes = stack.up(on_output=print).summary.resource_changes or {}
        print("changes:", ", ".join(f"{n} {what}" for what, n in sorted(changes.items())))


main()
