"""Training and answers on two machines without a shared folder, beside one process on one core.

``python benchmarks/nodes.py [PHOTOS] [ROUNDS]`` draws PHOTOS (default 600) photos, and ROUNDS times (default 2) trains
a head on them and answers for them: by one process that is held to one core, the first and then the second, and by
``torchrun`` on two machines, each held to one of these cores, with its own copy of the photos and its own cache. The
machines are network namespaces where these can be made (Linux, as root), else two groups of processes that meet at
127.0.0.1. It prints the seconds of the training (features and head) and of the answers, without the start of the
processes, and the ratio of the mean of one process, since cores are not equally fast, to two, which is to be 1.6 or
more; then the largest difference of a weight (1e-5 at most) and of a probability.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CLASSES = 5
SIZES = ((640, 480), (480, 640), (1024, 768))
ADDRESSES = ("10.173.41.1", "10.173.41.2")
TRAIN = ("-m", "classifier", "train", "photos", "--out", "model", "--json")
PREDICT = (str(Path(__file__).resolve()), "--answers")


def draw(folder: Path, count: int) -> None:
    """Write drawn photos of classes that differ in color, no two alike."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 160, (6, 8, 3)) + 15 * np.eye(3)[number % 3] * (number % CLASSES)
        path = folder / f"class {number % CLASSES}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(coarse.astype(np.uint8)).resize(SIZES[number % len(SIZES)], Image.Resampling.BICUBIC)
        picture.save(path)


def answer() -> None:
    """Answer for the photos in this folder, as a process of one run; print the seconds, write ``answers.json``."""
    from classifier import Predictor, distributed
    from classifier.workflows.predict_many import predict_many

    with distributed.process_group(), tempfile.TemporaryDirectory() as scratch:
        predictor = Predictor("model")
        predictor.predict(next(Path("photos").rglob("*.jpg")))  # reads the weights
        distributed.barrier()
        started = perf_counter()
        *_, answers = predict_many(predictor, ["photos"], Path(scratch, "answers"))
        if distributed.is_main_process():
            print(json.dumps({"seconds": perf_counter() - started}))
            Path("answers.json").write_text(
                json.dumps([(row.file, row.label, row.confidence) for row in answers.rows()])
            )


@contextmanager
def machines() -> Iterator[Sequence[Sequence[str]]]:
    """Give for each of two machines the command that runs a program on it: in a network namespace, or here."""
    names = [f"nodes-{os.getpid()}-{number}" for number in range(2)]
    links = [f"n{os.getpid()}x{number}" for number in range(2)]
    commands = [["netns", "add", name] for name in names]
    commands.append(["link", "add", links[0], "type", "veth", "peer", "name", links[1]])
    for name, link, address in zip(names, links, ADDRESSES):
        commands.append(["link", "set", link, "netns", name])
        commands.append(["-n", name, "address", "add", f"{address}/24", "dev", link])
        commands += [["-n", name, "link", "set", one, "up"] for one in ("lo", link)]
    try:
        done = all(_ip(command) for command in commands)
        yield [
            ["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={link}"] if done else []
            for name, link in zip(names, links)
        ]
    finally:
        for name in names:
            _ip(["netns", "delete", name])


def _ip(arguments: Sequence[str]) -> bool:
    try:
        return subprocess.run(["ip", *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def run_one(command: Sequence[str], folder: Path, core: int) -> float:
    """Run a program in one process on one core, with an empty cache; return the seconds that it tells."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return _result([_start(["taskset", "-c", str(core), sys.executable, *command], folder)])


def run_two(command: Sequence[str], folders: Sequence[Path], prefixes: Sequence[Sequence[str]]) -> float:
    """Run a program by ``torchrun`` on two machines; return the seconds that the first process tells."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = ADDRESSES[0] if prefixes[0] else "127.0.0.1"
    meeting = ["--master-addr", address, "--master-port", str(port)]
    started = []
    for number, (folder, prefix) in enumerate(zip(folders, prefixes)):
        torchrun = ["-m", "torch.distributed.run", "--nnodes", "2", "--node-rank", str(number), *meeting]
        pinned = ["taskset", "-c", str(number), sys.executable, *torchrun, *command]
        started.append(_start([*prefix, *pinned], folder))
    return _result(started)


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def _result(programs: Sequence[subprocess.Popen[str]]) -> float:
    outputs = [program.communicate()[0] for program in programs]
    assert all(program.returncode == 0 for program in programs), outputs
    return float(json.loads(outputs[0].splitlines()[-1])["seconds"])


def differences(one: Path, other: Path) -> tuple[float, float]:
    """Return the largest difference of a weight of two models, and of a probability of their answers for all photos."""
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (one, other))
    weights = max(float((first[name].double() - second[name].double()).abs().max()) for name in first)
    answers = [json.loads((folder / "answers.json").read_text()) for folder in (one, other)]
    assert [row[:2] for row in answers[0]] == [row[:2] for row in answers[1]], "other answers"
    return weights, max(abs(row[2] - its[2]) for row, its in zip(*answers))


def main() -> None:
    """Print the figures of each round."""
    count, rounds = (int(text) for text in (sys.argv[1:] + ["600", "2"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as scratch, machines() as prefixes:
        alone, *nodes = (Path(scratch, name) for name in ("alone", "first", "second"))
        draw(alone / "photos", count)
        for node in nodes:
            shutil.copytree(alone, node)
        print("network namespaces" if prefixes[0] else "one network", flush=True)
        for _ in range(rounds):
            for name, command in (("training", TRAIN), ("answers", PREDICT)):
                ones, two = [run_one(command, alone, core) for core in range(2)], run_two(command, nodes, prefixes)
                told = f"{ones[0]:.2f} and {ones[1]:.2f} s by one process, {two:.2f} s by two"
                print(f"{name}: {told}, ratio {sum(ones) / 2 / two:.2f}", flush=True)
                shutil.copytree(nodes[0] / "model", nodes[1] / "model", dirs_exist_ok=True)
            weights, probabilities = differences(alone, nodes[0])
            print(f"largest difference of a weight {weights:.1e}, of a probability {probabilities:.1e}", flush=True)
            for folder in (alone, *nodes):  # the next round computes the features again
                for name in ("cache", "model"):
                    shutil.rmtree(folder / name, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--answers"]:
        answer()
    else:
        main()
