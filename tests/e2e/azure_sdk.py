"""Drives every type that mops manages through create, list, update and delete with Azure's own SDK for Python, against
the cloud's public names. Any exception fails it; the last line counts the types and the calls.

It signs in by a client secret from the environment and does nothing that a program for the real Azure would not do.
"""

import os
import time
import uuid

import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from azure.mgmt.storage import StorageManagementClient

REGION = "eastus2"
GROUP = "sdk-judge"
TENANT = os.environ["AZURE_TENANT_ID"]
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


class Credential:
    """Trades the client secret for a token at Entra, as azure-identity does."""

    def get_token(self, *scopes, **_):
        answer = requests.post(
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": os.environ["AZURE_CLIENT_ID"],
                "client_secret": os.environ["AZURE_CLIENT_SECRET"],
                "scope": " ".join(scopes),
            },
            timeout=30,
        )
        answer.raise_for_status()
        told = answer.json()
        return AccessToken(told["access_token"], int(time.time()) + told["expires_in"])


class Judge:
    """Counts what was asked, and holds what came back to what the SDK's own models read of it."""

    def __init__(self):
        self.types = set()
        self.calls = 0

    def call(self, kind, answer):
        self.types.add(kind)
        self.calls += 1
        return answer.result() if hasattr(answer, "result") else answer

    def names(self, kind, pages):
        return sorted(row.name for row in self.call(kind, list(pages)))

    def gone(self, kind, look):
        self.calls += 1
        try:
            look()
        except ResourceNotFoundError:
            return
        raise AssertionError(f"{kind} is there after its deletion")


def same(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


judge = Judge()


def subscription(credential):
    rows = judge.call("subscription", list(SubscriptionClient(credential).subscriptions.list()))
    same(rows[0].tenant_id, TENANT)
    return rows[0].subscription_id


def groups(client):
    kind, api = "group", client.resource_groups
    same(judge.call(kind, api.create_or_update(GROUP, {"location": REGION, "tags": {"a": "1"}})).tags, {"a": "1"})
    same(judge.call(kind, api.check_existence(GROUP)), True)
    same(judge.call(kind, api.update(GROUP, {"tags": {"a": "2"}})).tags, {"a": "2"})
    same(judge.call(kind, api.get(GROUP)).properties.provisioning_state, "Succeeded")
    assert GROUP in judge.names(kind, api.list())


def registry(client, name):
    kind, api = "registry", client.registries
    wanted = {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
    assert judge.call(kind, api.check_name_availability(wanted)).name_available
    body = {"location": REGION, "sku": {"name": "Premium"}, "properties": {"adminUserEnabled": False}}
    made = judge.call(kind, api.begin_create(GROUP, name, body, polling_interval=0))
    same((made.provisioning_state, made.login_server), ("Succeeded", f"{name}.azurecr.io"))
    update = {"properties": {"adminUserEnabled": True}, "tags": {"a": "1"}}
    changed = judge.call(kind, api.begin_update(GROUP, name, update, polling_interval=0))
    same((changed.admin_user_enabled, changed.tags), (True, {"a": "1"}))
    same(judge.names(kind, api.list_by_resource_group(GROUP)), [name])
    assert name in judge.names(kind, api.list())
    told = judge.call(kind, api.list_credentials(GROUP, name))
    same((told.username, [p.name for p in told.passwords]), (name, ["password", "password2"]))
    renewed = judge.call(kind, api.regenerate_credential(GROUP, name, {"name": "password2"}))
    same(renewed.passwords[0].value, told.passwords[0].value)
    assert renewed.passwords[1].value != told.passwords[1].value
    return made.id


def tokens(client, name, registry_id):
    kind, api = "scope map", client.scope_maps
    body = {"properties": {"description": "one", "actions": ["repositories/models/content/read"]}}
    made = judge.call(kind, api.begin_create(GROUP, name, "pullers", body, polling_interval=0))
    actions = ["repositories/models/content/read", "repositories/models/metadata/read"]
    update = {"properties": {"actions": actions}}
    changed = judge.call(kind, api.begin_update(GROUP, name, "pullers", update, polling_interval=0))
    same((sorted(changed.actions), changed.description), (sorted(actions), "one"))
    same(judge.names(kind, api.list(GROUP, name)), ["pullers"])
    same(judge.call(kind, api.get(GROUP, name, "pullers")).id, made.id)

    kind, tokens = "token", client.tokens
    body = {"properties": {"scopeMapId": made.id, "status": "enabled"}}
    token = judge.call(kind, tokens.begin_create(GROUP, name, "puller", body, polling_interval=0))
    same(token.status, "enabled")
    wish = {"tokenId": token.id, "name": "password1"}
    told = judge.call(kind, client.registries.begin_generate_credentials(GROUP, name, wish, polling_interval=0))
    same((told.username, len(told.passwords)), ("puller", 1))
    update = {"properties": {"status": "disabled"}}
    same(judge.call(kind, tokens.begin_update(GROUP, name, "puller", update, polling_interval=0)).status, "disabled")
    same(judge.names(kind, tokens.list(GROUP, name)), ["puller"])
    same(judge.call(kind, tokens.get(GROUP, name, "puller")).credentials.passwords[0].name, "password1")
    judge.call(kind, tokens.begin_delete(GROUP, name, "puller", polling_interval=0))
    judge.gone(kind, lambda: tokens.get(GROUP, name, "puller"))
    judge.call("scope map", api.begin_delete(GROUP, name, "pullers", polling_interval=0))
    judge.gone("scope map", lambda: api.get(GROUP, name, "pullers"))


def identities(client):
    kind, api = "identity", client.user_assigned_identities
    made = judge.call(kind, api.create_or_update(GROUP, "worker", {"location": REGION}))
    same(judge.call(kind, api.update(GROUP, "worker", {"tags": {"a": "1"}})).tags, {"a": "1"})
    same(judge.call(kind, api.get(GROUP, "worker")).principal_id, made.principal_id)
    same(judge.names(kind, api.list_by_resource_group(GROUP)), ["worker"])
    assert "worker" in judge.names(kind, api.list_by_subscription())

    kind, trust = "federated credential", client.federated_identity_credentials
    body = {"issuer": "https://issuer.example/", "subject": "system:serviceaccount:ml:a", "audiences": ["api://x"]}
    body = {"properties": body}
    judge.call(kind, trust.create_or_update(GROUP, "worker", "pods", body))
    body["properties"]["subject"] = "system:serviceaccount:ml:b"
    same(judge.call(kind, trust.create_or_update(GROUP, "worker", "pods", body)).subject, "system:serviceaccount:ml:b")
    same(judge.call(kind, trust.get(GROUP, "worker", "pods")).audiences, ["api://x"])
    same(judge.names(kind, trust.list(GROUP, "worker")), ["pods"])
    judge.call(kind, trust.delete(GROUP, "worker", "pods"))
    judge.gone(kind, lambda: trust.get(GROUP, "worker", "pods"))
    return made.principal_id


def role(client, subscription_id, scope, principal):
    kind, api, name = "role assignment", client.role_assignments, str(uuid.uuid4())
    definition = f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}"
    body = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    judge.call(kind, api.create(scope, name, {"properties": body}))
    body["description"] = "may pull"
    same(judge.call(kind, api.create(scope, name, {"properties": body})).description, "may pull")
    same(judge.call(kind, api.get(scope, name)).principal_id, principal)
    same(judge.names(kind, api.list_for_scope(scope, filter="atScope()")), [name])
    same(judge.names(kind, api.list_for_scope(scope, filter=f"principalId eq '{principal}'")), [name])
    same(judge.names(kind, api.list_for_resource_group(GROUP)), [name])
    same(judge.names(kind, api.list_for_subscription(filter=f"principalId eq '{principal}'")), [name])
    permissions = judge.call(kind, list(client.permissions.list_for_resource_group(GROUP)))
    same(permissions[0].actions, ["*"])
    judge.call(kind, api.delete(scope, name))
    judge.gone(kind, lambda: api.get(scope, name))


def storage(client, name):
    kind, api = "storage account", client.storage_accounts
    wanted = {"name": name, "type": "Microsoft.Storage/storageAccounts"}
    assert judge.call(kind, api.check_name_availability(wanted)).name_available
    body = {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    made = judge.call(kind, api.begin_create(GROUP, name, body, polling_interval=0))
    same((made.provisioning_state, made.primary_endpoints.blob), ("Succeeded", f"https://{name}.blob.core.windows.net/"))
    update = {"properties": {"minimumTlsVersion": "TLS1_2", "allowSharedKeyAccess": True}}
    same(judge.call(kind, api.update(GROUP, name, update)).minimum_tls_version, "TLS1_2")
    same(judge.call(kind, api.get_properties(GROUP, name)).id, made.id)
    same(judge.names(kind, api.list_by_resource_group(GROUP)), [name])
    assert name in judge.names(kind, api.list())
    told = judge.call(kind, api.list_keys(GROUP, name)).keys_property
    renewed = judge.call(kind, api.regenerate_key(GROUP, name, {"keyName": "key2"})).keys_property
    assert renewed[0].value == told[0].value and renewed[1].value != told[1].value
    same(list(judge.call(kind, client.deleted_accounts.list())), [])


def containers(client, account):
    kind, api = "blob container", client.blob_containers
    judge.call(kind, api.create(GROUP, account, "weights", {"properties": {"publicAccess": "None"}}))
    update = {"properties": {"metadata": {"a": "1"}}}
    same(judge.call(kind, api.update(GROUP, account, "weights", update)).metadata, {"a": "1"})
    same(judge.call(kind, api.get(GROUP, account, "weights")).public_access, "None")
    same(judge.names(kind, api.list(GROUP, account)), ["weights"])
    same(judge.call(kind, client.blob_services.get_service_properties(GROUP, account)).name, "default")
    judge.call(kind, api.delete(GROUP, account, "weights"))
    judge.gone(kind, lambda: api.get(GROUP, account, "weights"))


def lifecycle(client, account):
    kind, api = "management policy", client.management_policies
    rule = {
        "name": "old",
        "type": "Lifecycle",
        "definition": {
            "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["scratch/"]},
            "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}},
        },
    }
    body = {"properties": {"policy": {"rules": [rule]}}}
    judge.call(kind, api.create_or_update(GROUP, account, "default", body))
    rule["enabled"] = False
    same(judge.call(kind, api.create_or_update(GROUP, account, "default", body)).policy.rules[0].enabled, False)
    same(judge.call(kind, api.get(GROUP, account, "default")).policy.rules[0].name, "old")
    judge.call(kind, api.delete(GROUP, account, "default"))
    judge.gone(kind, lambda: api.get(GROUP, account, "default"))


def cluster(client):
    kind, api = "cluster", client.managed_clusters
    versions = judge.call(kind, api.list_kubernetes_versions(REGION)).values_property
    assert versions, "no version of Kubernetes"
    pool = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_DS2_v2", "type": "VirtualMachineScaleSets"}
    body = {
        "location": REGION,
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "sdk", "agentPoolProfiles": [pool]},
    }
    made = judge.call(kind, api.begin_create_or_update(GROUP, "judged", body, polling_interval=0))
    same((made.provisioning_state, len(made.agent_pool_profiles)), ("Succeeded", 1))
    tagged = judge.call(kind, api.begin_update_tags(GROUP, "judged", {"tags": {"a": "1"}}, polling_interval=0))
    same(tagged.tags, {"a": "1"})
    tagged.oidc_issuer_profile = {"enabled": True}
    changed = judge.call(kind, api.begin_create_or_update(GROUP, "judged", tagged, polling_interval=0))
    assert changed.oidc_issuer_profile.issuer_url.startswith("https://")
    same(judge.names(kind, api.list_by_resource_group(GROUP)), ["judged"])
    assert "judged" in judge.names(kind, api.list())
    told = judge.call(kind, api.list_cluster_user_credentials(GROUP, "judged"))
    assert b"clusters:" in bytes(told.kubeconfigs[0].value)


def pools(client):
    kind, api = "node pool", client.agent_pools
    body = {"properties": {"count": 1, "vmSize": "Standard_NC24ads_A100_v4", "mode": "User"}}
    made = judge.call(kind, api.begin_create_or_update(GROUP, "judged", "gpu", body, polling_interval=0))
    same((made.provisioning_state, made.count), ("Succeeded", 1))
    made.count = 2
    changed = judge.call(kind, api.begin_create_or_update(GROUP, "judged", "gpu", made, polling_interval=0))
    same((changed.provisioning_state, changed.count), ("Succeeded", 2))
    same(judge.call(kind, api.get(GROUP, "judged", "gpu")).vm_size.lower(), "standard_nc24ads_a100_v4")
    same(judge.names(kind, api.list(GROUP, "judged")), ["gpu", "system"])
    judge.call(kind, api.begin_delete(GROUP, "judged", "gpu", polling_interval=0))
    judge.gone(kind, lambda: api.get(GROUP, "judged", "gpu"))


def main():
    credential = Credential()
    id = subscription(credential)
    resources = ResourceManagementClient(credential, id)
    groups(resources)
    registries = ContainerRegistryManagementClient(credential, id)
    registry_id = registry(registries, "sdkjudge")
    tokens(registries, "sdkjudge", registry_id)
    ids = ManagedServiceIdentityClient(credential, id)
    principal = identities(ids)
    role(AuthorizationManagementClient(credential, id), id, registry_id, principal)
    accounts = StorageManagementClient(credential, id)
    storage(accounts, "sdkjudge")
    containers(accounts, "sdkjudge")
    lifecycle(accounts, "sdkjudge")
    clusters = ContainerServiceClient(credential, id)
    cluster(clusters)
    pools(clusters)
    assert len(judge.names("group", resources.resources.list_by_resource_group(GROUP))) >= 4

    judge.call("cluster", clusters.managed_clusters.begin_delete(GROUP, "judged", polling_interval=0))
    judge.gone("cluster", lambda: clusters.managed_clusters.get(GROUP, "judged"))
    judge.call("storage account", accounts.storage_accounts.delete(GROUP, "sdkjudge"))
    judge.gone("storage account", lambda: accounts.storage_accounts.get_properties(GROUP, "sdkjudge"))
    judge.call("identity", ids.user_assigned_identities.delete(GROUP, "worker"))
    judge.gone("identity", lambda: ids.user_assigned_identities.get(GROUP, "worker"))
    judge.call("registry", registries.registries.begin_delete(GROUP, "sdkjudge", polling_interval=0))
    judge.gone("registry", lambda: registries.registries.get(GROUP, "sdkjudge"))
    judge.call("group", resources.resource_groups.begin_delete(GROUP, polling_interval=0))
    judge.gone("group", lambda: resources.resource_groups.get(GROUP))
    print(f"Azure SDK for Python types={len(judge.types)} calls={judge.calls}")


main()
