"""What the package tells about itself and its refusals."""

import importlib.metadata
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import paycrypto
from paycrypto import HmacSha256Key, InvalidSignature, Reason, verify_timestamped_hmac, verify_token


def test_impl_names_what_is_loaded() -> None:
    """`__impl__` tells library, backend and the libcrypto in use, and the library is of the package's version."""
    assert set(paycrypto.__impl__) == {"library", "backend", "batch", "libcrypto"}
    assert paycrypto.__impl__["library"] == importlib.metadata.version("paycrypto")
    assert paycrypto.__impl__["backend"] in ("libcrypto-lowlevel", "libcrypto-evp")
    assert paycrypto.__impl__["batch"] in ("libipsec-mb", "scalar")
    assert paycrypto.__impl__["libcrypto"].startswith("OpenSSL ")


def test_reasons_are_stable_strings() -> None:
    """The reasons are plain strings for logs and metrics; renaming one breaks dashboards."""
    assert {str(reason) for reason in Reason} == {"malformed", "no_match", "outside_window"}
    assert InvalidSignature(Reason.NO_MATCH).reason == "no_match"


def test_a_refusal_shows_nothing_of_the_input() -> None:
    """Message, arguments and pickle of a refusal hold the reason alone, so it may be logged as it is."""
    header = "t=1767225600,v1=" + "ab" * 32
    checks: list[Callable[[], int]] = [
        lambda: verify_timestamped_hmac(header, b"body", [HmacSha256Key(b"whsec_secret")], 0, 0),
        lambda: verify_token("received-token", [b"expected-token"]),
    ]
    for check in checks:
        with pytest.raises(InvalidSignature) as refused:
            check()
        assert refused.value.args == ("no_match",)
        assert pickle.loads(pickle.dumps(refused.value)).reason is Reason.NO_MATCH
        assert traceback.format_exception_only(refused.value) == ["paycrypto._errors.InvalidSignature: no_match\n"]


def test_every_public_name_is_documented() -> None:
    """`help()` has a line for all that the package exports."""
    for name in set(paycrypto.__all__) - {"ITEMS_MAX", "__impl__"}:
        assert getattr(paycrypto, name).__doc__, name


def test_the_types_are_those_of_the_code() -> None:
    """Names, arguments and defaults in the .pyi are those of the extension."""
    stubtest = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "paycrypto._native"], capture_output=True, text=True, check=False
    )
    assert stubtest.returncode == 0, stubtest.stdout


def test_every_error_but_the_documented_ones_is_a_fault() -> None:
    """No function can be called with nothing, and says so."""
    for name in set(paycrypto.__all__) - {"ITEMS_MAX", "__impl__", "Reason"}:
        with pytest.raises(TypeError):
            getattr(paycrypto, name)()


def test_the_example_of_the_page_runs() -> None:
    """The code shown in docs/crypto.md does what it says."""
    page = (Path(__file__).parents[3] / "docs" / "crypto.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "docs/crypto.md", "exec"), {})
