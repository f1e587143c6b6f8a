"""Run the steps of the Dockerfile one by one without Docker, and try what they make.

    python .ci/image.py [ENVIRONMENT]

Each stage is an overlay over the files of this machine, which stand for the base image, with an environment of Python
in it; nothing of it is left. The torch of ENVIRONMENT, by default .venv, is linked in place of its download. Then the
start command runs as the user of the image, as the first process of its namespace, with all but /data and /tmp
read-only. Where the system allows no mounts, one line says that nothing was checked.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_INSIDE = "IMAGE_INSIDE"
_TORCH = re.compile(r"torch|functorch|triton|nvidia|cuda")  # how the names begin
_TOOLS = re.compile(
    r"pytest.*|hypothesis|ruff|mypy.*|import.linter|playwright|transformers|coverage|tox|nox|uv|build|wheel|cython|"
    r"setuptools|ninja|cmake|meson.*|flit.*|poetry.*|hatch.*|pip.tools|pip.audit|onnx.*|openpyxl|pyarrow"
)
_FREE = re.compile(r"MIT|Apache|BSD|ISC|PSF|Python Software|MPL|HPND|Unlicense|Zlib|CC0|Public Domain|LGPL", re.I)
_PORT = "17862"
_LIST = """
import json
from importlib.metadata import distributions
rows = []
for one in distributions():
    known = one.metadata
    said = known.get("License-Expression") or known.get("License") or ""
    said = " / ".join(line.rpartition(" :: ")[2] for line in known.get_all("Classifier", []) if "License" in line) \
        if not said or len(said) > 60 else said
    rows.append([known["Name"], one.version, said, [name.split(";")[0] for name in one.requires or ()]])
print(json.dumps(rows))
"""


@dataclass
class Stage:
    """A stage of the Dockerfile: the folder of its files, and what applies to its next step."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "root"
    start: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)

    def command(self, arguments: list[str], **changes: str) -> list[str]:
        """Return the command line that runs ``arguments`` in the stage."""
        passed = {
            name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name.lower()
        }
        known = {"PATH": "/opt/base/bin:/usr/bin:/bin:/usr/sbin", "PIP_NO_COMPILE": "1"}  # takes as long as the rest
        known |= {**passed, **self.variables, **changes}
        words = [f"{name}={value}" for name, value in known.items()]
        script = f"cd {shlex.quote(self.folder)} && exec {shlex.join(['env', '-i', *words, *arguments])}"
        return ["chroot", f"--userspec={self.user}", "--groups=", str(self.root), "bash", "-c", script]

    def run(self, arguments: list[str]) -> str:
        """Run a command in the stage and return what it prints; ends the program where it fails."""
        done = subprocess.run(self.command(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{shlex.join(arguments)}\n{done.stdout}\nfailed with {done.returncode}")
        return done.stdout


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def overlay(place: Path, *below: Path) -> Stage:
    """Return a stage over the files of this machine and what other overlays changed in them."""
    for name in ("upper", "work", "root"):
        (place / name).mkdir(parents=True)
    lower = ":".join([*(str(one / "upper") for one in below), "/"])
    options = f"lowerdir={lower},upperdir={place}/upper,workdir={place}/work"
    mount("-t", "overlay", "overlay", "-o", options, place / "root")
    for name in ("/proc", "/dev"):
        mount("--rbind", name, f"{place}/root{name}")
    return Stage(place / "root")


def make_base(place: Path, environment: Path) -> Path:
    """Make what stands for the base image: a new environment of Python, and no user with the number of the image's."""
    stage = overlay(place)
    for line in (stage.root / "etc/passwd").read_text().splitlines():
        if line.split(":")[2] == "1000":
            stage.run(["userdel", line.split(":")[0]])
    base = Path(sys.base_prefix)
    for path in (base, *base.parents):  # the user of the image reads them
        inside = stage.root / path.relative_to("/")
        inside.chmod(inside.stat().st_mode | 0o555)
    stage.run([str(base / "bin/python3"), "-m", "venv", "/opt/base"])
    (site,) = (stage.root / "opt/base/lib").glob("python*/site-packages")
    (known,) = (environment / "lib").glob("python*/site-packages")
    for path in known.iterdir():
        if _TORCH.match(path.name):
            (site / path.name).symlink_to(f"/opt/torch/{path.name}")
    (stage.root / "opt/torch").mkdir()
    return place


def steps(text: str) -> list[tuple[str, str]]:
    """Return the steps of a Dockerfile: the instruction and the rest of its line."""
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.M)).splitlines()
    return [(name, rest.strip()) for line in lines if line.strip() for name, _, rest in [line.partition(" ")]]


def build(work: Path, environment: Path) -> Stage:
    """Carry out the steps of the Dockerfile and return its last stage."""
    stages: dict[str, Stage] = {}
    arguments = {"TORCH_INDEX": "https://pypi.org/simple"}  # where a part of torch that is not linked would be had
    stage, base = Stage(Path("/")), make_base(work / "base", environment)
    for name, rest in steps((ROOT / "Dockerfile").read_text("utf-8")):
        started = time.monotonic()
        if name == "FROM":
            stage = overlay(work / f"stage{len(stages)}", base)
            mount("--bind", *environment.glob("lib/python*/site-packages"), stage.root / "opt/torch")
            stages[rest.partition(" AS ")[2] or "last"] = stage
        elif name == "ARG":
            key, _, value = rest.partition("=")
            stage.variables[key] = arguments.get(key, value.strip('"'))
        elif name == "ENV":
            stage.variables |= dict(word.split("=", 1) for word in shlex.split(rest))
        elif name == "WORKDIR":
            stage.folder = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            stage.user = rest
        elif name == "COPY":
            copy(rest, stage, stages)
            for lock in (stage.root / stage.folder.lstrip("/")).glob("requirements.lock"):
                lock.write_text(with_linked_torch(lock.read_text(), environment))
        elif name == "RUN":
            stage.run(["bash", "-ec", re.sub(r"--mount=\S+", "", rest)])
        elif name == "HEALTHCHECK":
            stage.check = shlex.split(rest.partition("CMD ")[2])
        elif name == "CMD":
            stage.start = json.loads(rest)
        print(f"{time.monotonic() - started:5.1f} s  {name} {rest[:90]}", flush=True)
    return stage


def with_linked_torch(lock: str, environment: Path) -> str:
    """Return a lock file with the versions of torch that are linked, which may be newer than its own."""
    for name in ("torch", "torchvision"):
        (found,) = environment.glob(f"lib/python*/site-packages/{name}-*.dist-info")
        version = found.name.removeprefix(f"{name}-").removesuffix(".dist-info").partition("+")[0]
        if f"{name}=={version} " not in lock:
            print(f"  requirements.lock has another {name} than {version}, which the tests run with; see .ci/lock")
            lock = re.sub(rf"^{name}==\S+", f"{name}=={version}", lock, flags=re.M)
    return lock


def copy(rest: str, stage: Stage, stages: dict[str, Stage]) -> None:
    """Carry out a step COPY."""
    *sources, target = (word for word in rest.split() if not word.startswith("--"))
    found = re.match(r"--from=(\w+)", rest)
    folder = stages[found[1]].root if found else ROOT
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    into = stage.root / (stage.folder + "/" + target if not target.startswith("/") else target).lstrip("/")
    for source in sources:
        path = folder / source.lstrip("/")
        if not found and f"!{source.removeprefix('./')}" not in kept:
            sys.exit(f".dockerignore leaves out {source}")
        if path.is_dir():
            shutil.copytree(path, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, into)


def check_packages(stage: Stage) -> None:
    """Print the packages of the image by their licenses; ends the program where one is a tool of tests or builds."""
    rows = json.loads(stage.run(["python", "-c", _LIST]))
    needed = {re.split(r"[^\w.-]", name)[0] for row in rows if row[0] == "torch" for name in row[3]}
    tools = [row[0] for row in rows if _TOOLS.fullmatch(row[0].lower()) and row[0] not in needed]
    if tools:
        sys.exit(f"the image has tools of tests or builds: {', '.join(tools)}")
    rows = [row for row in rows if row[0].startswith("torch") or not _TORCH.match(row[0])]
    print(f"{len(rows)} packages beside those of CUDA, none of them for tests or builds; their licenses:")
    by_license: dict[str, list[str]] = {}
    for name, version, said, _ in rows:
        by_license.setdefault(" ".join(said.split()) or "none named", []).append(f"{name} {version}")
    for said, names in sorted(by_license.items()):
        mark = "" if _FREE.search(said) else "  (look at it)"
        print(f"  {said}{mark}: {', '.join(sorted(names, key=str.lower))}")


def try_out(stage: Stage) -> None:
    """Start the image read-only, ask for its health, and end it; ends the program where one of these fails."""
    user = stage.run(["id", "-u"]).strip()
    mount("-t", "tmpfs", "-o", "mode=1777", "none", stage.root / "tmp")
    mount("-t", "tmpfs", "-o", f"uid={user},mode=755", "none", stage.root / "data")
    mount("-o", "remount,ro", stage.root)
    words = stage.command(stage.start, GRADIO_SERVER_PORT=_PORT)
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", *words], stderr=subprocess.PIPE, text=True
    )
    started = time.monotonic()
    try:
        while subprocess.run(stage.command(stage.check, GRADIO_SERVER_PORT=_PORT), capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() - started > 120:
                process.kill()
                sys.exit(f"the start command does not answer: {process.communicate()[1]}")
            time.sleep(1)
        print(f"user {user} on a read-only tree: healthy after {time.monotonic() - started:.0f} s")
        ask = f"from urllib.request import *; print(build_opener(ProxyHandler({{}})).open('http://127.0.0.1:{_PORT}/health').read().decode())"
        print(stage.run(["python", "-c", ask]).strip())
        end(process)
    finally:
        process.kill()


def end(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM to the first process of the container; ends the program where it goes on for ten seconds."""
    (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    asked = time.monotonic()
    os.kill(int(first), signal.SIGTERM)
    try:
        _, log = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        sys.exit("SIGTERM does not end the program within 10 seconds")
    lines = [json.loads(line) for line in log.splitlines()]
    print(f"ended by SIGTERM after {time.monotonic() - asked:.1f} s with {process.returncode}")
    print(*(line.get("message", line) for line in lines), sep="\n")
    if process.returncode:
        sys.exit("SIGTERM is not an ordinary end")


def main() -> None:
    """Enter a mount namespace, and do all in it."""
    environment = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".venv").resolve()
    if _INSIDE not in os.environ:
        if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
            print("The Dockerfile's steps were not run: this system allows no mounts.")
            return
        words = ["unshare", "--mount", sys.executable, *sys.argv]
        sys.exit(subprocess.run(words, env={**os.environ, _INSIDE: "1"}).returncode)
    with tempfile.TemporaryDirectory() as folder:
        mount("-t", "tmpfs", "none", folder)
        try:
            stage = build(Path(folder), environment)
            check_packages(stage)
            try_out(stage)
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", folder], check=False)


if __name__ == "__main__":
    main()
