"""Runs a built program as a language of Pulumi's: whatever the engine asks to run is the command of MOPS_PROGRAM, with the
addresses in the variables that programs in Rust look for. For tests; the port is told as every plugin tells it."""

import os
import signal
import subprocess
import sys
from concurrent import futures

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2


class Language(language_pb2_grpc.LanguageRuntimeServicer):
    def GetRequiredPackages(self, request, context):
        return language_pb2.GetRequiredPackagesResponse()

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="0.0.1")

    def Run(self, request, context):
        told = {
            "PULUMI_MONITOR": request.monitor_address,
            "PULUMI_ENGINE": sys.argv[-1],
            "PULUMI_PROJECT": request.project,
            "PULUMI_STACK": request.stack,
            "PULUMI_ORGANIZATION": request.organization,
            "PULUMI_ROOT_DIRECTORY": request.info.root_directory,
            "PULUMI_DRY_RUN": str(request.dryRun).lower(),
            "PULUMI_CONFIG": "{}",
            "PULUMI_CONFIG_SECRET_KEYS": "[]",
        }
        ended = subprocess.run([os.environ["MOPS_PROGRAM"]], env={**os.environ, **told}, capture_output=True, text=True)
        if ended.returncode == 0:
            return language_pb2.RunResponse()
        return language_pb2.RunResponse(error=f"exit code {ended.returncode}: {ended.stderr}")


server = grpc.server(futures.ThreadPoolExecutor(4))
language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Language(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
server.wait_for_termination()
