"""Does this environment work? Versions, the aihwkit/torch pair, one compiled and one torch tile.

aihwkit's compiled tiles are bound to the torch releases they were built for; beside another one they fail on
import, on creation, or with an error about something else. So tiles are built in another process (a crash is
a finding and does not end the check), and the advice is one sentence.
"""

import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:  # the doctor itself must run where torch does not
    import torch

PYTHONS = {"1.1.0": ((3, 10), (3, 11), (3, 12)), "1.2.0": ((3, 12), (3, 13))}
"""Python versions each aihwkit release has wheels for (elsewhere pip would build from source)."""

PAIRS = {"1.1.0": ((2, 10), (2, 11), (2, 12)), "1.2.0": ((2, 14), (2, 15))}
"""torch releases each aihwkit release was seen to work with, compiled tiles included."""

RECOMMENDED = {
    (3, 10): ("1.1.0", "2.11", "0.26"),
    (3, 11): ("1.1.0", "2.11", "0.26"),
    (3, 12): ("1.1.0", "2.11", "0.26"),
    (3, 13): ("1.2.0", "2.14", "0.29"),
}
"""The (aihwkit, torch, torchvision) that pyproject.toml pins for each Python."""

PROBE_TIMEOUT = 180.0  # s; a cold import of torch from a slow disk takes a minute


@final
@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding: what was looked at, what was found, and what to do where it is not well."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def judge(python: tuple[int, int], aihwkit: str | None, torch: str | None) -> str:
    """Say in one sentence what to install instead, or "" where the three are known to work together.

    Versions are as installed ("2.11.0+cpu"), None where the package is missing.
    """
    name = ".".join(map(str, python))
    if python not in RECOMMENDED:
        return f"memsim needs Python 3.10 to 3.13, this is {name}: make PYTHON=/path/to/python3.12 test."
    remedy = f"run {install_command(python)}."
    if aihwkit is None or torch is None:
        absent = " and ".join(p for p, version in (("aihwkit", aihwkit), ("torch", torch)) if version is None)
        return f"{absent} missing: {remedy}"
    release = aihwkit.split("+")[0]
    if release not in PAIRS:
        return f"aihwkit {aihwkit} has not been tried with memsim: {remedy}"
    if python not in PYTHONS[release]:
        return f"aihwkit {aihwkit} has no wheel for Python {name}: {remedy}"
    if _release(torch) not in PAIRS[release]:
        return f"aihwkit {aihwkit} is not known to work beside torch {torch}: {remedy}"
    return ""


def install_command(python: tuple[int, int]) -> str:
    """Return the command that installs the recommended pair for this Python (a key of RECOMMENDED)."""
    aihwkit, torch, torchvision = RECOMMENDED[python]
    packages = f'"aihwkit=={aihwkit}" "torch=={torch}.*" "torchvision=={torchvision}.*"'
    return f"{_pip()} {packages}"


def advice() -> str:
    """What to install instead of what is installed here, or "" where it is known to work."""
    return judge((sys.version_info[0], sys.version_info[1]), _version("aihwkit"), _version("torch"))


def doctor() -> list[Check]:
    """Look at the versions and build both tiles; every check is returned, the failed ones with advice."""
    python = (sys.version_info[0], sys.version_info[1])
    advice = judge(python, _version("aihwkit"), _version("torch"))
    checks = [Check(name="python", ok=python in RECOMMENDED, found=platform.python_version())]
    for package in ("memsim", "torch", "torchvision", "aihwkit", "numba"):
        spoken_for = advice and package in ("torch", "torchvision", "aihwkit")
        checks.append(_installed(package, "" if spoken_for else f"run {_pip()} -e . in the checkout."))
    pair = ", ".join(f"{package} {_version(package) or 'missing'}" for package in ("aihwkit", "torch"))
    checks.append(Check(name="aihwkit/torch pair", ok=not advice, found=pair, advice=advice))
    for name, error in _tiles().items():
        remedy = "" if not error else advice or _reinstall(python)
        checks.append(Check(name=name, ok=not error, found=error or "built, read and correct", advice=remedy))
    return [*checks, kernels()]


def _tiles() -> dict[str, str]:
    """Build both tiles in one process, which imports torch once; where that fails, each in its own.

    Returns the error of each, "" where it was built.
    """
    module = "from memsim.studies.commands import doctor"
    if not _error_of(f"{module}; doctor.compiled_tile(); doctor.torch_tile()"):
        return {"compiled tile": "", "torch tile": ""}
    return {
        "compiled tile": _error_of(f"{module}; doctor.compiled_tile()"),
        "torch tile": _error_of(f"{module}; doctor.torch_tile()"),
    }


def kernels() -> Check:
    """Where compiled kernels are kept, how many are damaged, and whether the disk has room for more."""
    try:
        from memsim.devices.numerics.kernel_state import state
    except ImportError as error:  # without numba
        return Check(name="kernel cache", ok=False, found=str(error))
    found, advice = state()
    return Check(name="kernel cache", ok=not advice, found=found, advice=advice)


def compiled_tile() -> None:
    """Build one of aihwkit's compiled tiles of pulsed devices, read it and pulse it.

    Raises: RuntimeError where a read is not y = W x or an update moves nothing; whatever aihwkit raises.
    """
    import torch
    from aihwkit.simulator.configs import ConstantStepDevice, IOParameters, SingleRPUConfig
    from aihwkit.simulator.tiles.analog import AnalogTile

    config = SingleRPUConfig(device=ConstantStepDevice(), forward=IOParameters(is_perfect=True))
    tile = AnalogTile(3, 5, config)
    tile.set_learning_rate(0.1)
    tile.set_weights(torch.linspace(-0.3, 0.3, 15).reshape(3, 5))
    before, inputs = tile.get_weights()[0].clone(), torch.linspace(-1.0, 1.0, 10).reshape(2, 5)
    _compare(tile.forward(inputs), inputs @ before.T)
    tile.update(inputs, torch.ones(2, 3))
    if torch.equal(tile.get_weights()[0], before):
        raise RuntimeError("a pulsed update left every weight where it was")


def torch_tile() -> None:
    """Build one of aihwkit's tiles written in torch, inside an AnalogLinear, and read it.

    Raises: RuntimeError where a read differs from y = W x; whatever aihwkit raises.
    """
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import IOParameters, TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig(forward=IOParameters(is_perfect=True))
    layer = AnalogLinear(5, 3, bias=False, rpu_config=config)
    layer.set_weights(torch.linspace(-0.3, 0.3, 15).reshape(3, 5))
    inputs = torch.linspace(-1.0, 1.0, 10).reshape(2, 5)
    _compare(layer(inputs), inputs @ layer.get_weights()[0].T)


def _compare(found: "torch.Tensor", expected: "torch.Tensor") -> None:
    error = float((found - expected).detach().abs().max())
    if not error < 1e-5:
        raise RuntimeError(f"a perfect read is off by {error:.3g}")


def _error_of(code: str) -> str:
    """Run code in a fresh interpreter; return "" or the last line of what it had to say."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PROBE_TIMEOUT:.0f} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the interpreter died (exit status {done.returncode})"


def _installed(package: str, remedy: str) -> Check:
    version = _version(package)
    advice = f"{package} is not installed: {remedy}" if version is None and remedy else ""
    return Check(name=package, ok=version is not None, found=version or "not installed", advice=advice)


def _reinstall(python: tuple[int, int]) -> str:
    return f"The versions fit, so the files may be damaged: run {install_command(python)} --force-reinstall."


def _pip() -> str:
    return f"{shlex.quote(sys.executable)} -m pip install --only-binary=aihwkit"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split("+")[0].split(".")[:2]
    return int(major), int(minor)
