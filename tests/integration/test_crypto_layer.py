"""What scripts/build-crypto-layer makes loads on Lambda's Amazon Linux 2023, whichever machine built it."""

import base64
import csv
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from support.amazon_linux import (
    HERE,
    LAMBDA_PYTHON,
    MACHINES,
    SCRIPT,
    TRIPLETS,
    debian,
    lambda_python,
    needs_tools_of,
    readelf,
    refusals,
    run,
)
from support.stack import REPOSITORY

LOCAL_PYTHON = "{}.{}".format(*sys.version_info)
pytestmark = pytest.mark.skipif(not (HERE and sys.platform == "linux"), reason="a Lambda layer is built on Linux")


@dataclass(frozen=True)
class Target:
    architecture: str
    python: str

    def __str__(self) -> str:
        return f"{self.architecture}-{self.python}"


@dataclass(frozen=True)
class Built:
    target: Target
    layer: Path
    wheel: Path
    said: str

    @property
    def libraries(self) -> list[Path]:
        return sorted((self.layer / "python" / "paycrypto").glob("*.so*"))


LAMBDA_TARGETS = [Target("x86_64", LAMBDA_PYTHON), Target("arm64", LAMBDA_PYTHON)]
THIS_PYTHON = Target(HERE, LOCAL_PYTHON)
TARGETS = list(dict.fromkeys([THIS_PYTHON, *LAMBDA_TARGETS]))


def python_for(target: Target) -> list[str]:
    """A command that runs the target's Python, which knows nothing of this repository or of its environment."""
    if target == THIS_PYTHON:
        return [sys.executable, "-I", "-S"]
    needs_tools_of(target.architecture)
    return lambda_python(target.architecture)


@pytest.fixture(scope="module")
def builds() -> dict[Target, Built]:
    return {}


@pytest.fixture(params=TARGETS, ids=str)
def built(
    request: pytest.FixtureRequest, builds: dict[Target, Built], tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """A layer and its wheel, built once for each target."""
    target: Target = request.param
    needs_tools_of(target.architecture)
    if target not in builds:
        folder = tmp_path_factory.mktemp("layer")
        layer, wheels = folder / "layer", folder / "wheels"
        said = run(SCRIPT, "--arch", target.architecture, "--python", target.python, "--wheels", wheels, layer)
        (wheel,) = wheels.iterdir()
        builds[target] = Built(target, layer, wheel, said)
    return builds[target]


def test_no_library_needs_what_amazon_linux_lacks(built: Built) -> None:
    """No symbol newer than glibc 2.34, libstdc++ of gcc 11 and OpenSSL 3.0.8; no other library."""
    assert [library.name for library in built.libraries] == [
        f"_native.cpython-{built.target.python.replace('.', '')}-{TRIPLETS[built.target.architecture]}.so",
        "libpaycrypto.so.0",
    ]
    for library in built.libraries:
        assert refusals(library) == []
        run(SCRIPT, "--check", library)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", built.libraries[1])))
    assert needed >= {"libcrypto.so.3", "libz.so.1"}, "a copy was linked in, which Amazon's updates would not reach"


@pytest.mark.parametrize(
    ("library", "version", "loads"),
    [
        ("libc.so.6", "GLIBC_2.34", True),
        ("libc.so.6", "GLIBC_2.35", False),
        ("libc.so.6", "GLIBC_2.4", True),
        ("libc.so.6", "GLIBC_2.100", False),
        ("libc.so.6", "GLIBC_PRIVATE", False),
        ("libc.so.6", "GLIBC_ABI_DT_RELR", False),
        ("libstdc++.so.6", "GLIBCXX_3.4.29", True),
        ("libstdc++.so.6", "GLIBCXX_3.4.30", False),
        ("libstdc++.so.6", "CXXABI_1.3.14", False),
        ("libcrypto.so.3", "OPENSSL_3.0.0", True),
        ("libcrypto.so.3", "OPENSSL_3.0.9", False),
        ("libz.so.1", "ZLIB_1.2.12", False),
        ("libssl.so.3", "OPENSSL_3.0.0", False),
        ("libIPSec_MB.so.1", "", False),
    ],
)
def test_a_library_that_needs_more_is_refused(tmp_path: Path, library: str, version: str, loads: bool) -> None:
    """Both checks, the script's and the one above, find one symbol of one newer version."""
    (tmp_path / "lib.c").write_text("int wanted(void) { return 1; }")
    (tmp_path / "map").write_text(f"{version} {{ global: wanted; }};")
    (tmp_path / "user.c").write_text("int wanted(void); int use(void) { return wanted(); }")
    script = [f"-Wl,--version-script={tmp_path / 'map'}"] if version else []
    compiler = ["cc", "-shared", "-fPIC", "-nostdlib"]
    run(*compiler, "-o", tmp_path / "lib.so", f"-Wl,-soname,{library}", *script, tmp_path / "lib.c")
    run(*compiler, "-o", tmp_path / "user.so", tmp_path / "user.c", tmp_path / "lib.so")

    checked = subprocess.run([SCRIPT, "--check", tmp_path / "user.so"], capture_output=True, text=True, check=False)

    assert (refusals(tmp_path / "user.so") == []) is loads
    assert (checked.returncode == 0) is loads
    assert loads or re.search(f"needs ({library}|{version or library})", checked.stderr)


def test_the_libraries_are_hardened_and_find_each_other(built: Built) -> None:
    """Lazy binding, a writable relocation table, text relocations and an executable stack are ways in for others."""
    for library in built.libraries:
        dynamic = readelf("--dynamic", library)
        headers = readelf("--program-headers", library)
        extension = library.name.startswith("_native")
        assert re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic) == (["$ORIGIN"] if extension else [])
        assert "TEXTREL" not in dynamic
        assert "BIND_NOW" in dynamic
        assert "GNU_RELRO" in headers
        assert re.search(r"GNU_STACK .* RW +0x", headers)
        machine = {"x86_64": "X86-64", "arm64": "AArch64"}[built.target.architecture]
        assert machine in readelf("--file-header", library)


def test_nothing_tells_of_the_machine_that_built_it(built: Built) -> None:
    """No file holds a path of this machine: they would be told to everyone, and equal sources would differ."""
    for file in (path for path in built.layer.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for path in (str(REPOSITORY), str(Path.home()), "/tmp/", "../"):
            assert path.encode() not in content, f"{path} in {file.name}"


def test_the_wheel_is_whole_and_says_for_whom_it_is(built: Built) -> None:
    """Its name and WHEEL file say which Python and machine; RECORD lists every file with its hash."""
    tag = f"cp{built.target.python.replace('.', '')}"
    full = f"{tag}-{tag}-linux_{MACHINES[built.target.architecture]}"
    with zipfile.ZipFile(built.wheel) as wheel:
        assert wheel.testzip() is None
        (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
        tags = re.findall(r"^Tag: (.*)$", wheel.read(f"{info}/WHEEL").decode(), re.MULTILINE)
        record = {row[0]: row[1] for row in csv.reader(wheel.read(f"{info}/RECORD").decode().splitlines())}
        assert tags == [full]
        assert built.wheel.name == f"{info.removesuffix('.dist-info')}-{full}.whl"
        assert set(record) == set(wheel.namelist())
        for name, recorded in record.items():
            if name != f"{info}/RECORD":
                digest = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).rstrip(b"=").decode()
                assert recorded == f"sha256={digest}", name


def test_the_layer_is_the_wheel_compiled(built: Built) -> None:
    """Under python/ lie the wheel's files and bytecode that Python takes without a look at the source."""
    python = built.layer / "python"
    assert [path.name for path in built.layer.iterdir()] == ["python"]
    with zipfile.ZipFile(built.wheel) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    modules = [name for name in files if name.endswith(".py")]
    cache_tag = f"cpython-{built.target.python.replace('.', '')}"
    compiled = {f"paycrypto/__pycache__/{Path(name).stem}.{cache_tag}.pyc" for name in modules}
    found = {str(path.relative_to(python)): path.read_bytes() for path in python.rglob("*") if path.is_file()}
    assert modules
    assert {Path(name).suffix for name in files} <= {".py", ".pyi", ".typed", ".so", ".0", ""}, "sources are shipped"
    assert {name: found.get(name) for name in files} == files
    assert set(found) - set(files) == compiled
    for name in compiled:
        assert int.from_bytes(found[name][4:8], "little") == 0b01, "checked against a hash of its own, and not again"
        assert b"/opt/python/paycrypto/" in found[name]
        if built.target == THIS_PYTHON:
            assert found[name][:4] == importlib.util.MAGIC_NUMBER
    assert re.search(r"\d+ files, \d+ kB, zipped \d+ kB", built.said)
    assert sum(map(len, found.values())) < 1_000_000


USE_IT = """
import hmac, importlib.metadata, platform, sys
sys.path.insert(0, sys.argv[1])
import paycrypto
assert paycrypto.__file__.startswith(sys.argv[1] + "/paycrypto/"), paycrypto.__file__
assert paycrypto.__impl__["library"] == importlib.metadata.version("paycrypto")
assert paycrypto.__impl__["libcrypto"].startswith("OpenSSL 3."), paycrypto.__impl__
for size in range(300):
    secret, message = b"s" * (size + 1), bytes(range(256)) * 2
    assert paycrypto.HmacSha256Key(secret).sign(message[:size]) == hmac.digest(secret, message[:size], "sha256"), size
sealed = paycrypto.Aes256GcmKey(bytes(32)).seal(bytes(12), bytes(16), b"")
assert sealed.hex() == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919", sealed
assert paycrypto.Aes256GcmKey(bytes(32)).open(bytes(12), sealed, b"") == bytes(16)
exec(compile(sys.argv[2], "docs/crypto.md", "exec"), {})
print(platform.machine(), "%d.%d" % sys.version_info[:2])
"""


def test_a_clean_interpreter_uses_it_from_wherever_it_lies(built: Built, tmp_path: Path) -> None:
    """The target's Python, with nothing on its path but the layer, runs the example of docs/crypto.md."""
    example = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "crypto.md").read_text(), re.DOTALL)[0]
    moved = tmp_path / "opt" / "python"
    shutil.copytree(built.layer / "python", moved)
    said = run(*python_for(built.target), "-c", USE_IT, moved, example, env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    assert said.split() == [MACHINES[built.target.architecture], built.target.python]


@pytest.mark.parametrize("built", LAMBDA_TARGETS, ids=str, indirect=True)
def test_another_build_makes_the_same_files(built: Built, tmp_path: Path) -> None:
    """`sam build` runs the Makefile in a copy of its folder; equal sources give equal bytes and no new deployment."""
    scratch, artifacts = tmp_path / "scratch", tmp_path / "artifacts"
    shutil.copytree(REPOSITORY / "layers" / "crypto", scratch)
    artifacts.mkdir()
    makefile = REPOSITORY / "layers" / "crypto" / "Makefile"
    variables = [f"ARTIFACTS_DIR={artifacts}"]
    if built.target.architecture != "x86_64":
        variables.append(f"ARCHITECTURE={built.target.architecture}")
    run("make", "--makefile", makefile, "build-CryptoLayer", *variables, cwd=scratch)

    def contents(folder: Path) -> dict[str, bytes]:
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert contents(artifacts) == contents(built.layer)


def test_the_makefile_builds_what_the_template_deploys() -> None:
    """Python version and architecture are the template's, and the target is the layer's logical id."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)
    template = yaml.load((REPOSITORY / "template.yaml").read_text(), Loader)
    function, layer = template["Globals"]["Function"], template["Resources"]["CryptoLayer"]
    makefile = (REPOSITORY / "layers" / "crypto" / "Makefile").read_text()
    defaults = dict(re.findall(r"^(\w+) \?= (\S+)$", makefile, re.MULTILINE))
    runtime = f"python{defaults['PYTHON_VERSION']}"
    assert layer["Metadata"]["BuildMethod"] == "makefile"
    assert layer["Properties"]["ContentUri"].rstrip("/") == "layers/crypto"
    assert function["Architectures"] == layer["Properties"]["CompatibleArchitectures"] == ["Architecture"]
    architecture = template["Parameters"]["Architecture"]["Default"]
    assert defaults["ARCHITECTURE"] == layer["Metadata"]["BuildArchitecture"] == architecture
    assert [runtime] == [function["Runtime"]] == layer["Properties"]["CompatibleRuntimes"]
    assert runtime == f"python{LAMBDA_PYTHON}"
    assert re.search(r"^build-CryptoLayer:", makefile, re.MULTILINE)


@pytest.mark.first
def test_the_library_passes_its_own_tests_on_arm64(tmp_path: Path) -> None:
    """The C++ tests, cross-compiled and run by qemu against arm64's libcrypto, read the same vectors."""
    if HERE == "arm64":
        pytest.skip("this machine runs them itself")
    needs_tools_of("arm64")
    root = debian(
        "bookworm", "arm64", "libssl-dev", "libssl3", "zlib1g-dev", "zlib1g", "libc6", "libgcc-s1", "libstdc++6",
        "libgtest-dev",
    )  # fmt: skip
    uv = shutil.which("uv") or REPOSITORY / ".paylink" / "tools" / "bin" / "uv"
    tool = [uv, "tool", "run", "--quiet", "--from", "cmake>=3.22,<4"]
    run(
        *tool, "cmake", "-S", REPOSITORY / "native", "-B", tmp_path, "-DPAYCRYPTO_TESTS=ON", "-DPAYCRYPTO_IPSEC_MB=off",
        f"-DCMAKE_TOOLCHAIN_FILE={REPOSITORY / 'native' / 'cmake' / 'DebianCross.cmake'}",
        "-DPAYCRYPTO_CROSS_TRIPLET=aarch64-linux-gnu", f"-DPAYCRYPTO_CROSS_ROOT={root}",
    )  # fmt: skip
    run(*tool, "cmake", "--build", tmp_path, "--parallel", "2")
    said = run(*tool, "ctest", "--test-dir", tmp_path, "--output-on-failure", "--parallel", "2", "--no-tests=error")
    assert "AArch64" in readelf("--file-header", tmp_path / "libpaycrypto.so.0")
    assert "100% tests passed" in said
