"""The local stack as a whole: brings it up, says whether it runs, takes it down.

emulator   the AWS emulator, to which the real template.yaml is deployed
model      the scripted model server, unless the environment names a model backend
api        the API under uvicorn, which streams, on the resources of the deployed stack
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from infra.local import api_server, emulator, scripted
from infra.local.aws import EmulatedAws
from infra.local.build import Artifact, build_artifact
from infra.local.deploy import deploy_stack, digest_deployment, name_model_key, put_model_key
from infra.local.environment import REGION, process_environment
from infra.local.errors import StackError
from infra.local.health import wait_until
from infra.local.info import ModelInfo, StackInfo, read_info, write_info
from infra.local.interrupts import uninterrupted
from infra.local.keys import create_admin_key, create_project_key
from infra.local.locking import locked
from infra.local.model import find_model_name
from infra.local.options import StackOptions
from infra.local.processes import Processes
from infra.local.tools import Tools

_ROOT = Path(__file__).resolve().parents[2]
_GATEWAY_SECONDS = 60.0


class LocalStack:
    """One stack: its servers, and the directory that holds its state.

    Any number of stacks may run at the same time, each in a directory of its own.
    """

    def __init__(
        self,
        directory: Path,
        options: StackOptions | None = None,
        *,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Prepare a stack; nothing starts yet.

        Args:
            directory: Where its logs and `stack.json` go; made if it is missing.
            options: What the user chose.
            say: Is told what is going on, one short line at a time.
        """
        self._directory = directory.resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._options = options or StackOptions()
        self._say = say
        self._tools = Tools(_ROOT)
        environment = process_environment(os.environ, str(self._directory))
        self._processes = Processes(self._directory, environment)
        self._info_file = self._directory / "stack.json"

    @property
    def directory(self) -> Path:
        """Where the stack keeps its logs and `stack.json`."""
        return self._directory

    @property
    def processes(self) -> Processes:
        """The stack's servers and their logs."""
        return self._processes

    def up(self) -> StackInfo:
        """Bring the stack to the state of the sources, keeping data and keys where it runs already.

        Whatever of it runs and is current stays; if it fails or is interrupted, what it started is
        ended.

        Raises:
            StackError: It cannot be brought up; the message says what to do.
        """
        with locked(self._directory / "lock"):
            self._tools.check()
            name = self._check_external_model()
            artifact = build_artifact(self._tools, self._processes, self._say)
            previous = self.running_info()
            if previous is not None:
                return self._bring_up(artifact, name, previous)
            self._end()
            try:
                return self._bring_up(artifact, name, None)
            except BaseException:
                self._end()
                raise

    def down(self) -> bool:
        """End every process of the stack and delete what they leave, data included.

        Returns:
            Whether anything ran.
        """
        with locked(self._directory / "lock"):
            return self._end()

    def running_info(self) -> StackInfo | None:
        """What is known of the stack; None if its emulator, which holds all data, does not run."""
        info = read_info(self._info_file)
        if info is None or info.auth != self._options.auth:
            return None
        alive = self._processes.is_alive(emulator.NAME)
        return info if alive and emulator.emulator_answers(info.emulator_url) else None

    def health(self) -> dict[str, bool]:
        """Whether each server of the stack runs and answers; empty if there is no stack."""
        info = read_info(self._info_file)
        if info is None:
            return {}
        answers = {
            emulator.NAME: lambda: emulator.emulator_answers(info.emulator_url),
            scripted.NAME: lambda: scripted.model_answers(info.model.base_url),
            api_server.NAME: lambda: api_server.api_answers(_root_of(info.base_url)),
        }
        return {
            name: self._processes.is_alive(name) and answers[name]()
            for name in answers
            if name != scripted.NAME or info.model.scripted
        }

    def _bring_up(
        self, artifact: Artifact, model_name: str, previous: StackInfo | None
    ) -> StackInfo:
        endpoint = previous.emulator_url if previous else self._start_emulator()
        aws = EmulatedAws(endpoint)
        model = self._ensure_model(model_name, previous)
        parameters = self._parameters(endpoint, model)
        deployment = digest_deployment(artifact, parameters)
        current = previous is not None and previous.deployment == deployment
        if previous is not None and current:
            outputs = previous.outputs
        else:
            if previous is not None:
                # Until the deployment is done, the stack counts as out of date.
                write_info(self._info_file, replace(previous, deployment=""))
            self._say("Deploying template.yaml")
            put_model_key(aws, self._options.model.key)
            outputs = deploy_stack(
                self._tools, self._processes, aws, endpoint, artifact, parameters
            )
        base_url = f"{self._ensure_api(aws, endpoint, outputs, previous, current)}/v1"
        if not current:
            self._wait_for_gateway(outputs["BaseUrl"])
        admin_key, project_id, api_key = self._keys(aws, outputs, base_url, previous)
        info = StackInfo(
            base_url=base_url,
            gateway_base_url=outputs["BaseUrl"],
            websocket_url=outputs["WebSocketUrl"],
            api_key=api_key,
            admin_key=admin_key,
            project_id=project_id,
            model=model,
            emulator_url=endpoint,
            region=REGION,
            auth=self._options.auth,
            outputs=outputs,
            pids={record.name: record.pid for record in self._processes.records},
            deployment=deployment,
        )
        if info == previous:
            self._say("The stack was up already, and nothing has changed")
        write_info(self._info_file, info)
        return info

    def _check_external_model(self) -> str:
        """Find the name of a model of the user's own; "" if the scripted one is to be used."""
        choice = self._options.model
        return "" if choice.base_url is None else find_model_name(choice.base_url, choice)

    def _start_emulator(self) -> str:
        self._say("Starting the emulator")
        return emulator.start_emulator(
            self._tools,
            self._processes,
            self._directory,
            auth=self._options.auth,
            usual_port=self._options.usual_ports,
        )

    def _ensure_model(self, name: str, previous: StackInfo | None) -> ModelInfo:
        choice = self._options.model
        if choice.base_url is not None:
            self._processes.end(scripted.NAME)
            return ModelInfo(choice.base_url, name, scripted=False)
        if previous and previous.model.scripted and self.health().get(scripted.NAME):
            return previous.model
        self._say("Starting the scripted model server")
        self._processes.end(scripted.NAME)
        base_url = scripted.start_scripted_model(self._tools, self._processes)
        return ModelInfo(base_url, find_model_name(base_url, choice), scripted=True)

    def _parameters(self, endpoint: str, model: ModelInfo) -> dict[str, str]:
        return {
            "Architecture": self._tools.architecture,
            # Actions of examples and tests run on this machine.
            "EgressAllow": "127.0.0.1",
            "IsLocal": "true",
            "LocalEndpoint": endpoint,
            "ModelBaseUrl": model.base_url,
            "ModelKeyParameter": name_model_key(self._options.model.key),
            "RuntimeVersion": self._tools.runtime,
            **self._options.parameters,
        }

    def _ensure_api(
        self,
        aws: EmulatedAws,
        endpoint: str,
        outputs: dict[str, str],
        previous: StackInfo | None,
        current: bool,
    ) -> str:
        root_url = _root_of(previous.base_url) if previous else ""
        required = self._options.port
        keeps_port = required is None or root_url.endswith(f":{required}")
        if current and keeps_port and self.health().get(api_server.NAME):
            return root_url
        self._say("Starting the API")
        self._processes.end(api_server.NAME)
        port = int(root_url.rpartition(":")[2]) if root_url else None
        return api_server.start_api(
            self._tools,
            self._processes,
            environment=api_server.read_api_environment(aws, endpoint, outputs["ApiFunctionName"]),
            required_port=required,
            preferred_port=port or (api_server.USUAL_PORT if self._options.usual_ports else None),
        )

    def _wait_for_gateway(self, base_url: str) -> None:
        root_url = _root_of(base_url)

        def emulator_lives() -> bool:
            return self._processes.is_alive(emulator.NAME)

        if not wait_until(
            lambda: api_server.api_answers(root_url),
            seconds=_GATEWAY_SECONDS,
            alive=emulator_lives,
        ):
            tail = self._processes.log_tail(emulator.NAME)
            raise StackError(
                f"The API function does not answer at {root_url}/health; the emulator's log "
                f"says:\n{tail}"
            )

    def _keys(
        self,
        aws: EmulatedAws,
        outputs: dict[str, str],
        base_url: str,
        previous: StackInfo | None,
    ) -> tuple[str, str, str]:
        if previous is not None:
            return previous.admin_key, previous.project_id, previous.api_key
        self._say("Making a project and its key")
        admin_key = create_admin_key(aws, outputs["StateTableName"])
        return admin_key, *create_project_key(base_url, admin_key)

    def _end(self) -> bool:
        with uninterrupted():
            ran = self._processes.end_all()
            emulator.remove_leftovers(self._directory)
            self._info_file.unlink(missing_ok=True)
        return ran


def _root_of(base_url: str) -> str:
    """The part of a base URL before /v1."""
    return base_url.removesuffix("/v1")
