"""Re-sealing in a process of its own that is killed on the way."""

import os
import signal

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.runtime.settings import Settings
from paylink.runtime.wiring import Deps
from paylink.services.operator import COMMAND
from paylink.services.resealing import Resealing
from paylink.store.sealing import Place, Sealer


class _DyingSealer(Sealer):
    """Kills its process when it is to seal for the n-th time."""

    def __init__(self, keyring: Keyring, dies_at: int) -> None:
        super().__init__(keyring)
        self._left = dies_at

    def seal(self, secret: Secret, place: Place) -> tuple[bytes, str]:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().seal(secret, place)


def reseal_and_die(environ: dict[str, str], master_keys: str, dies_at: int) -> None:
    deps = Deps(Settings.from_environ(environ))
    keyring = Keyring.parse("PAYLINK_MASTER_KEYS", Secret(master_keys))
    Resealing(deps.database, _DyingSealer(keyring, dies_at)).reseal(COMMAND)
