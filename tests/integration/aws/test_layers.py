"""The layers: small enough, compiled, complete, and of nothing that Amazon Linux 2023 lacks."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from support.amazon_linux import HERE, needs_tools_of, refusals, run
from support.artefacts import Artefacts
from support.stack import REPOSITORY

LAYERS = ("PaylinkLayer", "CryptoLayer")
# AWS allows 250 MB and, zipped, 50 MB; every megabyte is part of cold starts. 11.3 and 4.1 of them are what `psycopg2`
# brings.
SIZE_MAX = 29_000_000
ZIPPED_MAX = 11_500_000
# Empty by now, and still part of glibc.
GLIBC_PARTS = {"libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2"}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_they_stay_small(artefacts: Artefacts, tmp_path: Path) -> None:
    """Together, as they are uploaded."""
    archive = tmp_path / "layers.zip"
    found = [file for layer in LAYERS for file in files(artefacts.folder / layer)]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in found:
            zipped.write(file, file.relative_to(artefacts.folder))
    assert sum(file.stat().st_size for file in found) < SIZE_MAX
    assert archive.stat().st_size < ZIPPED_MAX


def test_every_module_is_compiled(artefacts: Artefacts) -> None:
    """Into bytecode that Python takes without a look at its source: /opt is read-only, and a look costs time."""
    modules = [file for layer in LAYERS for file in files(artefacts.folder / layer) if file.suffix == ".py"]
    assert len(modules) > 500
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, compiled


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_every_library_loads_on_amazon_linux(artefacts: Artefacts, architecture: str, tmp_path: Path) -> None:
    """Whatever wheel it comes from, and also in the layer for the other architecture."""
    layer = artefacts.folder / "PaylinkLayer"
    if architecture != HERE:
        needs_tools_of(architecture)
        layer = tmp_path
        run(REPOSITORY / "scripts" / "build-paylink-layer", "--arch", architecture, layer)
    libraries = [file for file in files(layer) if ".so" in file.suffixes]
    assert len(libraries) > 10
    assert {file.name: found for file in libraries if (found := refusals(file, libraries, GLIBC_PARTS))} == {}


def test_it_holds_what_runs_and_nothing_else(artefacts: Artefacts) -> None:
    """Our package without recorded exchanges and documents, all SQL, no command line tools, nothing twice."""
    layer = artefacts.folder / "PaylinkLayer"
    ours = {file.relative_to(layer / "python") for file in files(layer / "python" / "paylink")}
    source = REPOSITORY / "layers" / "paylink"
    wanted = {path.relative_to(source) for path in files(source / "paylink") if path.suffix in (".py", ".typed")}
    assert {path for path in ours if path.suffix != ".pyc"} == wanted
    assert {file.name for file in files(layer / "sql")} == {file.name for file in files(REPOSITORY / "sql")}
    present = {path.name for path in (layer / "python").iterdir()}
    strangers = {"boto3", "botocore", "pip", "setuptools", "paycrypto", "bin", "yaml", "pytest", "cryptography", "cffi"}
    assert not present & strangers


def test_each_package_has_its_licence(artefacts: Artefacts) -> None:
    """They are handed on with the packages."""
    for package in (artefacts.folder / "PaylinkLayer" / "python").glob("*.dist-info"):
        names = [file.name.upper() for file in files(package)]
        assert any("LICEN" in name or name.startswith("COPYING") or name == "METADATA" for name in names), package


STRIP = """#!/bin/sh
for file; do
    case $file in *.so) stat -c '%h %n' "$file" >>"$SEEN" ;; esac
done
exec {strip} "$@"
"""


def test_building_leaves_what_uv_shares_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv links files to its cache, which is that of every environment of this machine; what is stripped is a copy."""
    bin_folder, seen = tmp_path / "bin", tmp_path / "seen"
    bin_folder.mkdir()
    (bin_folder / "strip").write_text(STRIP.format(strip=shutil.which("strip")))
    (bin_folder / "strip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(seen))
    run(REPOSITORY / "scripts" / "build-paylink-layer", "--arch", HERE, tmp_path / "layer")
    links = [line.partition(" ")[::2] for line in seen.read_text().splitlines()]
    stripped = [file for file in files(tmp_path / "layer") if file.suffix == ".so" and "psycopg2" not in file.parts]
    assert len(links) == len(stripped) >= 5
    assert [name for count, name in links if count != "1"] == []


IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path[:0] = sys.argv[1:]
import paylink
for module in pkgutil.walk_packages(paylink.__path__, "paylink."):
    importlib.import_module(module.name)
assert sys.modules["paycrypto"].__file__.startswith(sys.argv[2])
"""


def test_all_of_it_can_be_imported(artefacts: Artefacts, tmp_path: Path) -> None:
    """Also what no event of the other tests comes to; nothing that was left out is missed."""
    folders = []
    for layer in LAYERS:
        shutil.copytree(artefacts.folder / layer / "python", tmp_path / layer)
        folders.append(tmp_path / layer)
    run(*artefacts.python, "-c", IMPORT_ALL, *folders, env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
