"""The embedded stack: which services there are, and who needs whom."""

import dataclasses
import sys
from collections.abc import Mapping

from paylink_local.services.environment import sandbox_environment, simulated_providers
from paylink_local.services.http import HOST, answers, check_port_is_free, port_of
from paylink_local.services.localstack import PORT_DEFAULT, PORT_SETTING, LocalStack
from paylink_local.services.postgres import Postgres
from paylink_local.services.valkey import Valkey
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Service

_DRAIN_S = 8.0
_TASK_TIMEOUT_S = 300.0


def embedded_stack(home: Home, environ: Mapping[str, str], *, echo: bool) -> list[Service]:
    """
    Return all services; no sandbox when every enabled provider is a real one. `environ` is complete
    (`embedded_environment`); echo: show the warnings of PayLink's own processes.

    Raises:
        CannotRun: A port setting is wrong.
    """
    localstack = LocalStack(home, port=port_of(environ, PORT_SETTING, PORT_DEFAULT))
    own = _OwnProcesses(home, environ, echo=echo)
    sandbox = _OwnProcesses(home, sandbox_environment(environ), echo=echo)
    simulators = [sandbox.web("sandbox", "paylink_sandbox", setting="PAYLINK_SANDBOX_PORT", default=8081)]
    return [
        Postgres(home, password=environ["PAYLINK_DATABASE_PASSWORD"]).service(),
        Valkey(home).service(),
        localstack.service(),
        own.task("migrate", needs=("postgres",)),
        own.task("seed", needs=("migrate",)),
        own.gateway(needs=("seed", "valkey")),
        own.worker(needs=("seed", "valkey", "localstack")),
        *(simulators if simulated_providers(environ) else ()),
    ]


class _OwnProcesses:
    def __init__(self, home: Home, environ: Mapping[str, str], *, echo: bool) -> None:
        self._home = home
        self._environ = {**environ, "PYTHONUNBUFFERED": "1"}
        self._echo = echo

    def task(self, name: str, *, needs: tuple[str, ...]) -> Service:
        """`paylink <name>`, once."""

        def start() -> Command:
            return dataclasses.replace(self._command(name, "paylink_local.cli", name), echo=False)

        return Service(name=name, start=start, needs=needs, task=True, ready_timeout_s=_TASK_TIMEOUT_S)

    def gateway(self, *, needs: tuple[str, ...]) -> Service:
        return self.web(
            "gateway", "paylink_local.gateway", setting="PAYLINK_API_PORT", default=8080, needs=needs, counts=True
        )

    def web(
        self, name: str, module: str, *, setting: str, default: int, needs: tuple[str, ...] = (), counts: bool = False
    ) -> Service:
        port = port_of(self._environ, setting, default)

        def start() -> Command:
            check_port_is_free(port, setting)
            return self._command(name, module, **self._metrics() if counts else {})

        def ready() -> bool:
            return answers(f"http://{HOST}:{port}/healthz")

        return Service(name=name, start=start, ready=ready, needs=needs, address=f"http://localhost:{port}")

    def worker(self, *, needs: tuple[str, ...]) -> Service:
        sign = self._home.run / "worker.ready"

        def start() -> Command:
            sign.unlink(missing_ok=True)
            return self._command("worker", "paylink_local.worker", PAYLINK_READY_FILE=str(sign), **self._metrics())

        return Service(name="worker", start=start, ready=sign.exists, needs=needs)

    def _metrics(self) -> dict[str, str]:
        """Where those keep what they count of whom the API's page tells."""
        return {"PAYLINK_METRICS_DIR": str(self._home.metrics())}

    def _command(self, name: str, module: str, *arguments: str, **environ: str) -> Command:
        return Command(
            name=name,
            argv=(sys.executable, "-P", "-m", module, *arguments),
            environ={**self._environ, **environ},
            folder=self._home.path,
            log=self._home.logs / f"{name}.log",
            grace_s=_DRAIN_S,
            echo=self._echo,
        )
