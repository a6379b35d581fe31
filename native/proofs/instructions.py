"""Compare the instructions that libpaycrypto itself takes with those in instructions.txt.

Those of libcrypto, libc and the rest are left out: they depend on the processor that is there, or that valgrind plays.
"""

import argparse
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COMMITTED = Path(__file__).with_name("instructions.txt")
TOLERANCE = 0.03
TOLERANCE_INSTRUCTIONS = 6


def own_instructions(profile: str) -> int:
    """The self cost of all functions whose object is libpaycrypto."""
    total, ours, is_call = 0, False, False
    for line in profile.splitlines():
        if line.startswith("ob="):
            ours = "/libpaycrypto." in line
        elif line.startswith("calls="):
            is_call = True  # the next line is what the called function took
        elif re.match(r"[0-9+*-]", line):
            if ours and not is_call:
                total += int(line.split()[-1])
            is_call = False
    return total


def count(program: Path, valgrind: str) -> tuple[str, dict[str, int]]:
    """What built the program, and the instructions of each operation."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile"
        options = ["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}"]
        run = subprocess.run([valgrind, "-q", *options, str(program)], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{run.stdout}{run.stderr}instructions: the program did not succeed under callgrind")
        counts = {}
        for file in Path(folder).iterdir():
            profile = file.read_text()
            if name := re.search(r"^desc: Trigger: Client Request: (\w+)$", profile, re.M):
                counts[name[1]] = own_instructions(profile)
    about = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    return f"{platform.machine()} {about['compiler']} {about['backend']} {about['batch']}", counts


def committed() -> dict[str, dict[str, int]]:
    builds: dict[str, dict[str, int]] = {}
    for line in COMMITTED.read_text().splitlines():
        if line.startswith("["):
            counts = builds[line.strip("[]")] = {}
        elif line and not line.startswith("#"):
            name, value = line.split()
            counts[name] = int(value)
    return builds


def write(builds: dict[str, dict[str, int]]) -> None:
    text = "# Instructions of libpaycrypto's own code in each operation. Written by instructions.py --write.\n"
    for build in sorted(builds):
        text += f"\n[{build}]\n" + "".join(f"{name} {value}\n" for name, value in sorted(builds[build].items()))
    COMMITTED.write_text(text)


def differences(before: dict[str, int], now: dict[str, int]) -> list[str]:
    found = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, 0), now.get(name, 0)
        if abs(new - old) > max(TOLERANCE * old, TOLERANCE_INSTRUCTIONS):
            found.append(f"{name}: {old} -> {new}")
    return found


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--valgrind", default="valgrind")
    parser.add_argument("--write", action="store_true", help="take the new figures for the committed ones")
    arguments = parser.parse_args()
    build, counts = count(arguments.program, arguments.valgrind)
    if not counts or min(counts.values()) < 5:
        sys.exit(f"instructions: nothing was counted in {[name for name in counts if counts[name] < 5] or 'any'}")
    builds = committed()
    if arguments.write:
        write({**builds, build: counts})
        return
    if build not in builds:
        say(f"NOT JUDGED: there are no instruction counts for {build}; {COMMITTED.name} has {', '.join(builds)}")
        return
    if found := differences(builds[build], counts):
        say("\n  ".join([f"The instruction counts of {build} have changed:", *found]))
        sys.exit("If that is meant, write them anew: instructions.py --write PROGRAM")
    say(f"{build}: {len(counts)} operations take the instructions they should")


if __name__ == "__main__":
    main()
