"""LocalStack core for SQS, from its PyPI package, in an environment of its own. It keeps nothing across restarts."""

import json
import os
import signal

from paylink_local.services.http import HOST, check_port_is_free, read
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.home import REPOSITORY, TOOLS, Home
from paylink_local.supervisor.service import Service

NAME = "localstack"
PORT_SETTING = "PAYLINK_LOCALSTACK_PORT"
PORT_DEFAULT = 4566
_REGION = "ap-southeast-3"


class LocalStack:
    def __init__(self, home: Home, *, port: int) -> None:
        self._home = home
        self._port = port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def environ(self) -> dict[str, str]:
        """What boto3 needs to find it, and to find nothing else."""
        return {
            "AWS_ENDPOINT_URL_SQS": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_REGION": _REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def service(self) -> Service:
        return Service(name=NAME, start=self._start, ready=self._ready, address=self.url)

    def _start(self) -> Command:
        python = TOOLS / "localstack" / "bin" / "python"
        if not python.exists():
            raise CannotRun(f"LocalStack is not installed in {TOOLS / 'localstack'}: run ./scripts/install-localstack")
        check_port_is_free(self._port, PORT_SETTING)
        files = self._home.path / "localstack-files"
        files.mkdir(exist_ok=True)
        return Command(
            name=NAME,
            argv=(str(python), str(REPOSITORY / "local" / "localstack" / "serve.py")),
            environ={
                "PATH": os.defpath,
                "HOME": str(files),
                "LANG": "C.UTF-8",
                "SERVICES": "sqs",
                "EAGER_SERVICE_LOADING": "1",
                "GATEWAY_LISTEN": f"{HOST}:{self._port}",
                # Inside any container it would otherwise take that for its own, and write to /var/lib and /etc.
                "OVERRIDE_IN_DOCKER": "0",
                "FILESYSTEM_ROOT": str(files),
                "DISABLE_EVENTS": "1",
                "DNS_ADDRESS": "0",
                "SKIP_SSL_CERT_DOWNLOAD": "1",
                "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
            },
            folder=files,
            log=self._home.logs / "localstack.log",
            # Asked kindly it waits for its clients' long polls, and it has nothing to save.
            stop_signal=signal.SIGKILL,
        )

    def _ready(self) -> bool:
        body = read(f"{self.url}/_localstack/health")
        return body is not None and json.loads(body)["services"].get("sqs") == "running"
