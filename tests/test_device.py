from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from classifier import device as devices
from classifier import leases
from classifier.device import Device
from classifier.errors import SettingError
from classifier.messages.device import DeviceCode

ROOT = Path(__file__).resolve().parents[1]


def test_the_cpu_is_always_available() -> None:
    cpu = devices.choose("cpu")
    assert (cpu.is_cpu, cpu.name) == (True, "CPU")
    assert cpu.workers >= 1
    assert cpu.batch >= 1
    assert cpu.dtype in (torch.float32, torch.bfloat16)


def test_without_a_name_the_same_device_is_chosen_every_time() -> None:
    assert devices.choose() == devices.choose()
    assert devices.choose().name


@pytest.mark.parametrize("name", ["potato", "cuda:x", "meta", "xla", "cpu:3", "CPU 1", "1"])
def test_an_unknown_device_is_a_setting_error(name: str) -> None:
    with pytest.raises(SettingError, match=f"“{name}”") as raised:
        devices.choose(name)
    assert raised.value.code is DeviceCode.UNKNOWN


def test_a_gpu_beyond_the_last_one_is_a_setting_error() -> None:
    with pytest.raises(SettingError, match="“cuda:77”") as raised:
        devices.choose("cuda:77")
    assert raised.value.code is DeviceCode.NO_CUDA


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_a_setting_error() -> None:
    with pytest.raises(SettingError, match="no usable NVIDIA GPU"):
        devices.choose("cuda")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has an Apple GPU")
def test_a_missing_apple_gpu_is_a_setting_error() -> None:
    with pytest.raises(SettingError, match="no usable Apple GPU"):
        devices.choose("mps")


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [
        ((7, 0), torch.float16),  # V100
        ((7, 5), torch.float16),  # T4, RTX 20
        ((8, 0), torch.bfloat16),  # A100
        ((8, 6), torch.bfloat16),  # RTX 30
        ((9, 0), torch.bfloat16),  # H100
        ((12, 0), torch.bfloat16),  # RTX 50
    ],
)
def test_gpus_older_than_ampere_compute_in_float16(capability: tuple[int, int], dtype: torch.dtype) -> None:
    assert devices.gpu_dtype(capability) == dtype


def test_autocast_to_float32_gives_no_warning() -> None:
    device = Device(torch.device("cpu"), torch.float32, 1, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with device.autocast():
            assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == torch.float32


def test_autocast_computes_in_the_dtype_of_the_device() -> None:
    with Device(torch.device("cpu"), torch.bfloat16, 1, 8).autocast():
        assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == torch.bfloat16


# cgroups: files in the form of /sys/fs/cgroup and /proc/self/cgroup


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("100000 50000\n", 2),
        ("max 100000\n", None),
        ("nonsense", None),
        ("100000 0\n", None),
    ],
)
def test_the_quota_of_cgroup_version_2_is_rounded_up(tmp_path: Path, text: str, cores: int | None) -> None:
    write(tmp_path / "cpu.max", text)
    assert devices.cpu_quota(tmp_path, tmp_path / "none") == cores


@pytest.mark.parametrize(("quota", "cores"), [("250000\n", 3), ("100000\n", 1), ("5000\n", 1), ("-1\n", None)])
@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
def test_the_quota_of_cgroup_version_1_is_rounded_up(
    tmp_path: Path, folder: str, quota: str, cores: int | None
) -> None:
    write(tmp_path / folder / "cpu.cfs_quota_us", quota)
    write(tmp_path / folder / "cpu.cfs_period_us", "100000\n")
    assert devices.cpu_quota(tmp_path, tmp_path / "none") == cores


@pytest.mark.parametrize(
    ("membership", "folder"), [("0::/a/b\n", "a/b"), ("0::/a/b\n", "a"), ("5:devices:/x\n4:cpu,cpuacct:/a\n", None)]
)
def test_the_quota_of_the_processs_own_cgroup_counts(tmp_path: Path, membership: str, folder: str | None) -> None:
    listed = write(tmp_path / "membership", membership)
    if folder:
        write(tmp_path / folder / "cpu.max", "300000 100000\n")
    else:
        write(tmp_path / "cpu,cpuacct" / "a" / "cpu.cfs_quota_us", "300000\n")
        write(tmp_path / "cpu,cpuacct" / "a" / "cpu.cfs_period_us", "100000\n")
    assert devices.cpu_quota(tmp_path, listed) == 3


def test_the_smallest_quota_of_nested_cgroups_counts(tmp_path: Path) -> None:
    listed = write(tmp_path / "membership", "0::/a/b\n")
    for folder, quota in (("", "max"), ("a", "200000"), ("a/b", "700000")):
        write(tmp_path / folder / "cpu.max", f"{quota} 100000\n")
    assert devices.cpu_quota(tmp_path, listed) == 2


def test_no_cgroup_files_mean_no_quota(tmp_path: Path) -> None:
    assert devices.cpu_quota(tmp_path, tmp_path / "none") is None
    assert devices.cpu_quota(tmp_path, write(tmp_path / "odd", "no colons\n1:cpu\n")) is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_the_processes_of_torchrun_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = devices.choose("cpu").workers
    assert alone <= len(os.sched_getaffinity(0))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert devices.choose("cpu").workers == max(1, alone // 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert devices.choose("cpu").workers == 1


# threads and streams


def test_workers_have_one_thread_each_and_the_number_is_restored() -> None:
    before = torch.get_num_threads()
    cpu = devices.choose("cpu")
    with devices.single_threaded_workers(cpu) as pool:
        assert set(pool.map(lambda _: torch.get_num_threads(), range(20))) == {1}
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), devices.single_threaded_workers(cpu) as pool:
        pool.submit(divmod, 1, 0).result()
    assert torch.get_num_threads() == before


def test_small_work_uses_one_thread_and_the_number_is_restored() -> None:
    before = torch.get_num_threads()
    with devices.all_cores(False):
        assert torch.get_num_threads() == 1
        with devices.all_cores(True):
            assert torch.get_num_threads() == devices.choose("cpu").workers
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_on_a_server_each_operation_uses_one_thread() -> None:
    before = torch.get_num_threads()
    try:
        devices.limit_threads()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 1
    finally:
        torch.set_num_threads(before)


def test_a_pool_has_as_many_threads_as_the_device_has_workers() -> None:
    device = Device(torch.device("cpu"), torch.float32, 3, 8)
    meeting = threading.Barrier(3, timeout=60)
    with devices.single_threaded_workers(device) as pool:
        list(pool.map(lambda _: meeting.wait(), range(3)))  # breaks with fewer than three threads


def test_a_closing_pool_does_not_change_the_threads_of_another() -> None:
    before = torch.get_num_threads()
    cpu = devices.choose("cpu")
    training, prediction = devices.single_threaded_workers(cpu), devices.single_threaded_workers(cpu)
    with training:
        torch.set_num_threads(1)
        with prediction:
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_stream_yields_what_the_work_yields_and_closes_it() -> None:
    ended = []

    def count(top: int) -> Iterator[int]:
        try:
            yield from range(top)
        finally:
            ended.append(top)

    assert list(leases.stream(count, 3)) == [0, 1, 2]
    with contextlib.closing(leases.stream(count, 9)) as left:  # type: ignore[type-var]
        assert next(left) == 0
    assert ended == [3, 9]


def test_long_work_stays_on_its_device_outside_of_zero_gpu() -> None:
    cpu = devices.choose("cpu")
    assert leases.for_long_work(cpu) is cpu


def test_free_memory_is_the_least_of_the_machine_and_its_cgroups(tmp_path: Path) -> None:
    meminfo = write(tmp_path / "meminfo", "MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
    none = tmp_path / "none"
    assert devices.free_memory(none, none, meminfo) == 4000 * 1024
    assert devices.free_memory(none, none, none) is None
    write(tmp_path / "v2" / "memory.max", "3000000\n")
    write(tmp_path / "v2" / "memory.current", "2000000\n")
    write(tmp_path / "v2" / "memory.stat", "anon 5\ninactive_file 500000\n")
    assert devices.free_memory(tmp_path / "v2", none, meminfo) == 1_500_000
    write(tmp_path / "v2" / "memory.max", "max\n")
    assert devices.free_memory(tmp_path / "v2", none, meminfo) == 4000 * 1024
    write(tmp_path / "v1" / "memory" / "own" / "memory.limit_in_bytes", "100\n")
    write(tmp_path / "v1" / "memory" / "own" / "memory.usage_in_bytes", "300\n")
    write(tmp_path / "v1" / "memory" / "own" / "memory.stat", "total_inactive_file 50\n")
    listed = write(tmp_path / "listed", "4:memory:/own\n")
    assert devices.free_memory(tmp_path / "v1", listed, meminfo) == 0
    assert (devices.free_memory() or 1) > 0


def test_an_abandoned_generator_does_not_wait_for_its_threads() -> None:
    """The garbage collector may close it in a thread that is starting, where waiting for a thread never ends."""
    go_on = threading.Event()

    def work() -> Iterator[None]:
        with devices.single_threaded_workers(devices.choose("cpu")) as pool:
            pool.submit(go_on.wait, 240)
            yield

    generator = work()
    next(generator)
    closing = threading.Thread(target=generator.close)
    closing.start()
    closing.join(120)
    waited = closing.is_alive()
    go_on.set()
    closing.join()
    assert not waited


ARENAS = """
import ctypes, sys, threading
from pathlib import Path
from classifier import device

device.limit_arenas()
libc = ctypes.CDLL("libc.so.6")
libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(24)

def allocate():
    together.wait()
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(24)]
for one in threads:
    one.start()
for one in threads:
    one.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(Path(sys.argv[1]).read_text().count("<heap nr="))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such arenas")
def test_many_threads_of_a_server_share_few_arenas(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ARENAS, str(tmp_path / "arenas.xml")]
    environment = {key: value for key, value in os.environ.items() if key != "MALLOC_ARENA_MAX"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= max(2, os.cpu_count() or 1)
