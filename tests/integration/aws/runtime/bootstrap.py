"""
Starts a function as Lambda does: with its own folder, the layers, the runtime and the standard library, nothing else.

Arguments: the handler, and the folders in the order in which Lambda looks through them, the function's own first.
"""

import sys

handler, *folders = sys.argv[1:]
sys.path = [*folders, *(path for path in sys.path if "/usr/lib/python3" in path and "dist-packages" not in path)]

from awslambdaric.__main__ import main  # noqa: E402  # it lies in one of them

main(["", handler])
