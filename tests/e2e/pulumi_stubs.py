"""Drives our two plugins with the stubs of Pulumi's own SDK: the provider as its engine does, the language as its engine
and its resource monitor do. Any surprise fails it; the last line counts the calls.

usage: pulumi_stubs.py FOLDER_OF_PLUGINS STACK_FILE SCHEMA_FILE
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent import futures

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)

PLUGINS, STACK_FILE, SCHEMA = sys.argv[1:]
LIMIT = 400 << 20
SIZES = [("grpc.max_send_message_length", LIMIT), ("grpc.max_receive_message_length", LIMIT)]
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
GROUP = "urn:pulumi:dev::stubs::modelops:azure:ResourceGroup::group"
REGISTRY = "urn:pulumi:dev::stubs::modelops:azure:ContainerRegistry::registry"
PULL_SECRET = "urn:pulumi:dev::stubs::modelops:kubernetes:Secret::secret"
calls = 0


class Engine(engine_pb2_grpc.EngineServicer):
    """Keeps what it is told."""

    def __init__(self):
        self.said = []

    def Log(self, request, context):
        self.said.append(request.message)
        return empty_pb2.Empty()


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Registers whatever comes, as a preview does: with ids and outputs that are known later."""

    def __init__(self):
        self.registered, self.outputs = {}, None

    def SupportsFeature(self, request, context):
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request, context):
        urn = f"urn:pulumi:dev::stubs::{request.type}::{request.name}"
        self.registered[urn] = request
        return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)

    def RegisterResourceOutputs(self, request, context):
        self.outputs = request
        return empty_pb2.Empty()


def serve(add, servicer):
    server = grpc.server(futures.ThreadPoolExecutor(8), options=SIZES)
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def start(plugin, engine, folder):
    process = subprocess.Popen([os.path.join(PLUGINS, plugin), engine], stdout=subprocess.PIPE, cwd=folder, text=True)
    port = int(process.stdout.readline())
    return process, grpc.insecure_channel(f"127.0.0.1:{port}", options=SIZES)


def ended(process):
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=6)
    assert code == 0, f"ended with {code}"


def struct(members):
    return json_format.ParseDict(members, struct_pb2.Struct())


def plain(message):
    return json_format.MessageToDict(message)


def secret(value):
    return {SIGNATURE: SECRET, "value": value}


def ask(method, request, timeout=60):
    global calls
    calls += 1
    return method(request, timeout=timeout)


def refused(method, request, code):
    try:
        ask(method, request)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()}: {error.details()}"
        return error
    raise AssertionError(f"{code} was expected")


def introduces_itself(provider, engine):
    hands = ask(provider.Handshake, provider_pb2.ProviderHandshakeRequest(engine_address=engine))
    assert hands.accept_secrets and hands.accept_resources and hands.accept_outputs, hands
    version = ask(provider.GetPluginInfo, empty_pb2.Empty()).version
    schema = ask(provider.GetSchema, provider_pb2.GetSchemaRequest()).schema
    with open(SCHEMA, encoding="utf-8") as file:
        assert schema == file.read(), "the schema is not the file's"
    assert json.loads(schema)["version"] == version
    checked = ask(provider.CheckConfig, provider_pb2.CheckRequest(news=struct({"cloud": "nowhere"})))
    assert "public, government, china" in checked.failures[0].reason, checked
    ask(provider.Configure, provider_pb2.ConfigureRequest(args=struct({}), acceptSecrets=True, acceptResources=True))
    refused(provider.GetMapping, provider_pb2.GetMappingRequest(key="terraform"), grpc.StatusCode.UNIMPLEMENTED)
    listed = provider.List(provider_pb2.ListRequest(), timeout=60)
    try:
        next(iter(listed))
        raise AssertionError("List is answered")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


def keeps_secrets(provider):
    inputs = {"cluster": UNKNOWN, "namespace": "default", "name": "secret", "type": "Opaque", "data": secret({"token": "canary"})}
    checked = ask(provider.Check, provider_pb2.CheckRequest(urn=PULL_SECRET, news=struct(inputs)))
    assert not checked.failures, checked
    data = plain(checked.inputs)["data"]
    assert data.get(SIGNATURE) == SECRET or data["token"].get(SIGNATURE) == SECRET, data
    large = {"name": "x" * (20 << 20), "subscriptionId": SUBSCRIPTION, "location": "eastus2"}
    answer = ask(provider.Check, provider_pb2.CheckRequest(urn=GROUP, news=struct(large)))
    assert answer.failures, "a name of 20 MiB"
    assert all(len(failure.reason) < 5000 for failure in answer.failures), [len(f.reason) for f in answer.failures]


def lives(provider):
    inputs = struct({"name": "stubs-rg", "subscriptionId": SUBSCRIPTION, "location": "eastus2"})
    inputs = ask(provider.Check, provider_pb2.CheckRequest(urn=GROUP, news=inputs)).inputs
    preview = ask(provider.Create, provider_pb2.CreateRequest(urn=GROUP, properties=inputs, preview=True))
    assert not preview.id and plain(preview.properties)["subscriptionId"] == SUBSCRIPTION, preview
    made = ask(provider.Create, provider_pb2.CreateRequest(urn=GROUP, properties=inputs))
    assert made.id.endswith("/resourceGroups/stubs-rg"), made.id
    asked = provider_pb2.DiffRequest(id=made.id, urn=GROUP, olds=made.properties, news=inputs, old_inputs=inputs)
    assert ask(provider.Diff, asked).changes == provider_pb2.DiffResponse.DIFF_NONE
    imported = ask(provider.Read, provider_pb2.ReadRequest(id=made.id, urn=GROUP))
    assert imported.id == made.id and plain(imported.inputs)["name"] == "stubs-rg", imported
    is_made_in_part(provider)
    gone = provider_pb2.DeleteRequest(id=made.id, urn=GROUP, properties=made.properties, old_inputs=inputs)
    for _ in range(2):
        ask(provider.Delete, gone)
    assert not ask(provider.Read, provider_pb2.ReadRequest(id=made.id, urn=GROUP, properties=made.properties)).id


def is_made_in_part(provider):
    """A registry that takes longer than it may: what was begun comes back with its id, in the details of the error."""
    inputs = {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": "stubs-rg",
        "name": "stubsregistry",
        "location": "eastus2",
        "sku": "Basic",
        "adminUserEnabled": False,
    }
    inputs = ask(provider.Check, provider_pb2.CheckRequest(urn=REGISTRY, news=struct(inputs))).inputs
    error = refused(
        provider.Create,
        provider_pb2.CreateRequest(urn=REGISTRY, properties=inputs, timeout=0.3),
        grpc.StatusCode.UNKNOWN,
    )
    trailing = dict(error.trailing_metadata())["grpc-status-details-bin"]
    details = status_pb2.Status.FromString(trailing).details
    failed = init_failed(details[0])
    assert failed.id.endswith("/registries/stubsregistry") and failed.reasons, failed
    ask(provider.Delete, provider_pb2.DeleteRequest(id=failed.id, urn=REGISTRY, properties=failed.properties, old_inputs=inputs))


def init_failed(detail):
    failed = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(failed), detail.type_url
    return failed


def is_a_provider(engine, address):
    process, channel = start("pulumi-resource-modelops", address, None)
    provider = provider_pb2_grpc.ResourceProviderStub(channel)
    introduces_itself(provider, address)
    keeps_secrets(provider)
    lives(provider)
    ask(provider.Cancel, empty_pb2.Empty())
    refused(provider.Create, provider_pb2.CreateRequest(urn=GROUP), grpc.StatusCode.UNAVAILABLE)
    ended(process)
    assert not any("canary" in line for line in engine.said), "a secret in the log"


def is_a_language(address):
    monitor = Monitor()
    server, monitor_address = serve(resource_pb2_grpc.add_ResourceMonitorServicer_to_server, monitor)
    with tempfile.TemporaryDirectory() as folder:
        with open(STACK_FILE, encoding="utf-8") as file, open(f"{folder}/infra.yaml", "w", encoding="utf-8") as copy:
            copy.write(file.read().replace("project: modelops\n", ""))
        process, channel = start("pulumi-language-modelops", address, folder)
        language = language_pb2_grpc.LanguageRuntimeStub(channel)
        info = language_pb2.ProgramInfo(root_directory=folder, program_directory=folder, entry_point=".")
        packages = ask(language.GetRequiredPackages, language_pb2.GetRequiredPackagesRequest(info=info)).packages
        assert [package.name for package in packages] == ["modelops"], packages
        run = language_pb2.RunRequest(
            project="stubs", stack="dev", pwd=folder, program=".", args=[address], dryRun=True,
            monitor_address=monitor_address, info=info,
        )
        ran = ask(language.Run, run)
        assert not ran.error and not ran.bail, ran
        ended(process)
    server.stop(None)
    custom = [request for request in monitor.registered.values() if request.custom]
    assert len(custom) > 5 and all(request.parent and request.acceptSecrets for request in custom), len(custom)
    assert any(request.dependencies for request in custom) and monitor.outputs is not None
    return len(custom)


def main():
    engine = Engine()
    server, address = serve(engine_pb2_grpc.add_EngineServicer_to_server, engine)
    is_a_provider(engine, address)
    registered = is_a_language(address)
    server.stop(None)
    print(f"stubs of the SDK calls={calls} registered={registered}")


main()
