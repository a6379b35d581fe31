"""libpaycrypto for others: built and installed as its README says, then used from outside by C++, C and Python."""

import hashlib
import hmac
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NATIVE = REPOSITORY / "native"
README = (NATIVE / "README.md").read_text(encoding="utf-8")
HEADERS = sorted((NATIVE / "include" / "paycrypto").glob("*.h"))
C_HEADER = NATIVE / "include" / "paycrypto" / "paycrypto.h"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


def readme_block(language: str, holding: str = "") -> str:
    """The one code block of the README in a language that holds a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
    (block,) = (block for block in blocks if holding in block)
    return block


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a command; what it said, when it does not succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=cwd, env=env)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def cmake(*arguments: str | Path) -> str:
    """CMake of this machine, or of PyPI as in the scripts."""
    if shutil.which("cmake"):
        return run("cmake", *arguments)
    uv = shutil.which("uv") or REPOSITORY / ".paylink" / "tools" / "bin" / "uv"
    return run(uv, "tool", "run", "--quiet", "--from", "cmake>=3.22,<4", "cmake", *arguments)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, installed and then moved elsewhere; its build folder is gone."""
    folder = tmp_path_factory.mktemp("native")
    cmake("-S", NATIVE, "-B", folder / "build", "-DPAYCRYPTO_TESTS=OFF", "-DPAYCRYPTO_WERROR=ON")
    cmake("--build", folder / "build", "--parallel", "2")
    cmake("--install", folder / "build", "--prefix", folder / "first")
    shutil.rmtree(folder / "build")
    return (folder / "first").rename(folder / "moved")


@pytest.fixture(scope="module")
def library(installed: Path) -> Path:
    (library,) = installed.glob("lib*/libpaycrypto.so" if sys.platform == "linux" else "lib*/libpaycrypto.dylib")
    return library


@pytest.fixture(scope="module")
def examples(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of native/examples, built outside the repository."""
    folder = tmp_path_factory.mktemp("examples")
    return build(shutil.copytree(NATIVE / "examples", folder / "source"), installed)


def build(source: Path, installed: Path) -> Path:
    """Build a project that finds the library by find_package, with every warning as an error."""
    flags = "-Wall -Wextra -Wpedantic -Werror"
    folder = source / "build"
    cmake("-S", source, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed}", f"-DCMAKE_CXX_FLAGS={flags}")
    cmake("--build", folder)
    return folder


@on_linux
def test_the_library_has_a_versioned_soname(library: Path) -> None:
    """Programs ask for the ABI's number; the names without it and with the whole version lead to one file."""
    assert re.findall(r"\(SONAME\).*\[(.*)\]", run("readelf", "-d", library)) == ["libpaycrypto.so.0"]
    assert library.readlink() == Path("libpaycrypto.so.0")
    assert (library.parent / "libpaycrypto.so.0").readlink() == Path("libpaycrypto.so.0.1.0")
    assert "RUNPATH" not in run("readelf", "-d", library)


@on_linux
def test_the_library_exports_its_own_names_only(library: Path) -> None:
    """Nothing of the standard library, of libcrypto or of what is internal can clash with a program's own."""
    names = [line.split(maxsplit=2)[2] for line in run("nm", "-DC", "--defined-only", library).splitlines()]
    strangers = [name for name in names if not re.match(r"(paycrypto::\S+ )?paycrypto::|paycrypto_\w+$", name)]
    assert not strangers
    assert not [name for name in names if "internal" in name.split("(")[0]]


@on_linux
def test_the_library_exports_what_the_c_header_declares(library: Path) -> None:
    """Each function of paycrypto.h can be linked, and no other has its prefix."""
    text = re.sub(r"//.*", "", C_HEADER.read_text())
    declared = set(re.findall(r"PAYCRYPTO_(?:API|CHECKED)\s[\w\s*]*?\b(paycrypto_\w+)\(", text))
    exported = set(re.findall(r" T (paycrypto_\w+)$", run("nm", "-D", "--defined-only", library), re.M))
    assert exported == declared
    assert len(declared) > 30


def test_each_header_stands_alone(installed: Path, tmp_path: Path) -> None:
    """Each header compiles first in a C++17 file, with and without exceptions; that of the C interface in C99 too."""
    units = []
    for header in HEADERS:
        units.append(tmp_path / f"{header.stem}.cc")
        units[-1].write_text(f"#include <paycrypto/{header.name}>\n")
    (tmp_path / "unit.c").write_text("#include <paycrypto/paycrypto.h>\n")
    flags = ("-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{installed / 'include'}")
    run("c++", "-std=c++17", *flags, *units)
    run("c++", "-std=c++17", "-fno-exceptions", "-fno-rtti", *flags, *units)
    run("cc", "-std=c99", "-pedantic-errors", *flags, tmp_path / "unit.c")


def test_nothing_installed_holds_a_path_of_the_build(installed: Path) -> None:
    """The folder may be moved or packed: no file, the library among them, names where it was made."""
    files = [file for file in installed.rglob("*") if file.is_file()]
    assert len(files) > len(HEADERS)
    for file in files:
        content = file.read_bytes()
        assert str(installed.parent).encode() not in content, file
        assert str(REPOSITORY).encode() not in content, file


def test_the_c_plus_plus_of_the_readme_runs(installed: Path, tmp_path: Path) -> None:
    """The project and the program shown for C++ find the package, build and accept the second secret."""
    (tmp_path / "CMakeLists.txt").write_text(readme_block("cmake"))
    (tmp_path / "receiver.cc").write_text(readme_block("cpp"))
    assert run(build(tmp_path, installed) / "receiver") == "status 0, key 1\n"


@pytest.mark.skipif(not shutil.which("pkg-config"), reason="pkg-config is not installed")
def test_the_c_of_the_readme_runs(installed: Path, library: Path, tmp_path: Path) -> None:
    """The program shown for C builds with the command shown, and accepts a tag that is known from elsewhere."""
    (tmp_path / "check.c").write_text(readme_block("c"))
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PKG_CONFIG_PATH": str(library.parent / "pkgconfig")}
    run("sh", "-euc", readme_block("sh", "pkg-config"), cwd=tmp_path, env=environ)
    loader = {"LD_LIBRARY_PATH": str(library.parent), "DYLD_LIBRARY_PATH": str(library.parent)}
    assert run(tmp_path / "check", env=loader) == "ok\n"
    version = run("pkg-config", "--modversion", "paycrypto", env=environ)
    assert f"VERSION {version.strip()} " in (NATIVE / "CMakeLists.txt").read_text()


def test_the_python_of_the_readme_runs() -> None:
    """The lines shown for Python accept the right body and refuse the other."""
    assert run(sys.executable, "-c", readme_block("python")) == "no_match\n"


def test_the_examples_of_the_readme_are_short() -> None:
    """Whoever reads the page sees a whole program on one screen."""
    assert len(readme_block("cpp").splitlines()) <= 30
    assert len(readme_block("c").splitlines()) <= 20
    assert len(readme_block("python").splitlines()) <= 10


def test_the_readme_names_every_header_and_option() -> None:
    """Nothing that can be included or set is left out of the page."""
    for header in HEADERS:
        assert header.name == "export.h" or f"`{header.name}`" in README, header.name
    scripts = [NATIVE / "CMakeLists.txt", *(NATIVE / "cmake").glob("*.cmake")]
    setting = re.compile(r"option\((PAYCRYPTO_\w+)|set\((PAYCRYPTO_\w+) +\"\w+\" CACHE STRING")
    settings = {option or choice for script in scripts for option, choice in setting.findall(script.read_text())}
    assert {"PAYCRYPTO_BACKEND", "PAYCRYPTO_IPSEC_MB", "PAYCRYPTO_TESTS"} <= settings
    for name in settings:
        assert f"`{name}`" in README, name


def test_the_batch_example_names_the_lines_that_do_not_match(examples: Path) -> None:
    """Of many events those with another body, another tag or no tag at all are named by their line."""
    bodies = [b"event %d" % number for number in range(50)]
    lines = [hmac.digest(b"secret", body, "sha256").hex().encode() + b" " + body for body in bodies]
    lines[6] += b"!"
    lines[20] = lines[21]
    lines[30] = b"0" * 64 + b" event 30"
    lines[40] = b"no tag"
    command: list[str | Path] = [examples / "stored_events", "secret"]
    done = subprocess.run(command, input=b"\n".join(lines), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (1, [b"7", b"31", b"41"])
    done = subprocess.run(command, input=b"\n".join(lines[:6]), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("size", [0, 1, 65536, 200_001])
def test_the_stream_example_checks_a_file(examples: Path, tmp_path: Path, size: int) -> None:
    """A file of several pieces, or none, has the tag of the whole; one byte more has not."""
    file = tmp_path / "body"
    file.write_bytes(b"x" * size)
    tag = hmac.digest(b"secret", b"x" * size, hashlib.sha512).hex()
    assert run(examples / "hmac_file", "secret", file, tag) == "ok\n"
    file.write_bytes(b"x" * (size + 1))
    for received, answer in ((tag, "no_match\n"), (tag.upper(), "malformed\n")):
        command: list[str | Path] = [examples / "hmac_file", "secret", file, received]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, answer)


def test_the_ctypes_example_calls_the_installed_library(library: Path) -> None:
    """The C interface answers Python without a compiler."""
    answer = run(sys.executable, "-I", NATIVE / "examples" / "with_ctypes.py", library)
    assert answer == "ok\noutside_window\nno_match\n"


def test_a_missing_googletest_is_told(tmp_path: Path) -> None:
    """Who has no GoogleTest gets the library, and is told that no tests are built; who asked for them is stopped."""
    without = ("-S", NATIVE, "-DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON")
    assert "NO TESTS are built" in cmake(*without, "-B", tmp_path / "default")
    with pytest.raises(AssertionError, match="needs GoogleTest"):
        cmake(*without, "-B", tmp_path / "asked", "-DPAYCRYPTO_TESTS=ON")
