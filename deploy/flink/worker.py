#!/usr/bin/env python
"""Start one Beam worker of this environment: what Beam's container does at its start, without a
container.

Given to the worker pool (`--container_executable`), and as the command of environments of type
PROCESS. The pool by itself would start workers that know no pipeline options and whose log lines go
nowhere but its own output.

It is called with an id and the addresses of the runner's services (Beam's contract for containers
of its SDKs) and becomes the worker.
"""

import argparse
import json
import os
import sys
import tempfile

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from google.protobuf import json_format

import callveil.pipelines  # noqa: F401 - settles how many threads the worker's libraries may start

WORKER = """
import sys
from callveil.pipelines.logs import configure_worker_logging
configure_worker_logging()
from apache_beam.runners.worker import sdk_worker_main
sdk_worker_main.main(sys.argv)
"""
"""Beam's worker, whose log lines, wherever they go, are made without content of records."""


def main() -> None:
    """Ask the runner what to run with, and become the worker."""
    parser = argparse.ArgumentParser()
    for name in (
        "id",
        "provision_endpoint",
        "logging_endpoint",
        "artifact_endpoint",
        "control_endpoint",
    ):
        parser.add_argument(f"--{name}", default="")
    given, _ = parser.parse_known_args()
    if not given.id or not given.provision_endpoint:
        sys.exit(
            "worker.py is started by a Beam worker pool or runner, with --id and "
            "--provision_endpoint"
        )
    with grpc.insecure_channel(given.provision_endpoint) as channel:
        call = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel).GetProvisionInfo
        info = call(
            beam_provision_api_pb2.GetProvisionInfoRequest(),
            metadata=[("worker_id", given.id)],
            timeout=60,
        ).info
    logging_url = info.logging_endpoint.url or given.logging_endpoint
    control_url = info.control_endpoint.url or given.control_endpoint
    os.environ.update(
        WORKER_ID=given.id,
        PIPELINE_OPTIONS=json.dumps(json_format.MessageToDict(info.pipeline_options)),
        LOGGING_API_SERVICE_DESCRIPTOR=f'url: "{logging_url}"',
        CONTROL_API_SERVICE_DESCRIPTOR=f'url: "{control_url}"',
        RUNNER_CAPABILITIES=" ".join(info.runner_capabilities),
        SEMI_PERSISTENT_DIRECTORY=tempfile.gettempdir(),
    )
    os.execv(sys.executable, [sys.executable, "-c", WORKER])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
