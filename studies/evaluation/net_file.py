"""A user's file that makes a network: `--net my_file.py:make`.

The file's text travels with a task, so that another process, or the same a week later, runs what the task was
made for and not what the path holds by then.  It stands alone: installed packages can be imported, files
beside it cannot, for their text would not be in the task's name.
"""

from __future__ import annotations

import ast
import sys
import traceback
import types
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from torch import Tensor, nn

FORM = "--net is FILE.py:FUNCTION, such as my_file.py:make"
SEED = 0
"""Of torch's generator while a network is made: fresh weights are the same in every process."""


@final
@dataclass(frozen=True, kw_only=True)
class NetFile:
    """A function in a text: all that another process needs to make the network."""

    name: str  #: the file's, without its folder
    function: str
    text: str
    path: str = ""  #: where it was read, for the command that repeats a run; no part of a task

    @classmethod
    def read(cls, given: str) -> NetFile:
        """Read ``FILE.py:FUNCTION``; ValueError where it is no such thing, nothing of it is run."""
        path, _, function = given.rpartition(":")
        if not path or not function.isidentifier() or not path.endswith(".py"):
            raise ValueError(f"--net {given!r}: {FORM}")
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"--net {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise ValueError(f"--net {path} is no UTF-8 text: {error.reason}") from None
        try:
            tree = ast.parse(text, path)
        except (SyntaxError, ValueError) as error:
            where = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f": {error}"
            raise ValueError(f"--net {path}{where}") from None
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        names += [alias.asname or alias.name for node in imports for alias in node.names]
        if function not in names:
            there = f"it defines {', '.join(names)}" if names else "it defines none"
            raise ValueError(f"--net {given}: there is no function {function!r} in the file; {there}")
        return cls(name=Path(path).name, function=function, text=text, path=str(Path(path).resolve()))

    @property
    def title(self) -> str:
        """As a report names the network: ``my_file.py:make``."""
        return f"{self.name}:{self.function}"

    @property
    def digest(self) -> str:
        """Sixteen hex digits of the SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()[:16]

    def task_form(self) -> dict[str, str]:
        """Return what a task holds of it: its content, not its place."""
        return {"name": self.name, "function": self.function, "text": self.text}

    def make(self) -> tuple[nn.Module, Tensor | None]:
        """Call the function: the network, and calibration inputs where it gives a pair; once in a process.

        ValueError with the last line of what went wrong in it, or for another thing than a network.
        """
        return _made(self.name, self.function, self.text)


@lru_cache(maxsize=4)
def _made(name: str, function: str, text: str) -> tuple[nn.Module, Tensor | None]:
    import torch

    title = f"--net {name}:{function}"
    module = types.ModuleType(f"net_{sha256(text.encode()).hexdigest()[:16]}")
    module.__file__ = name
    sys.modules[module.__name__] = module  # a dataclass and pickle look there
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        try:
            exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
            found = module.__dict__[function]()
        except (Exception, SystemExit) as error:
            raise ValueError(f"{title}() failed: {_last_line(error, name)}") from error
    net, calibration = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if not isinstance(net, torch.nn.Module):
        raise ValueError(f"{title}() gave a {_kind(found)}, not a torch.nn.Module or (Module, calibration)")
    if calibration is not None and not isinstance(calibration, torch.Tensor):
        raise ValueError(f"{title}(): the calibration is a {_kind(calibration)}, not a Tensor (n, ...)")
    return net.eval(), calibration


def _kind(value: Any) -> str:
    inner = f" of {', '.join(type(one).__name__ for one in value)}" if isinstance(value, tuple) else ""
    return f"{type(value).__name__}{inner}"


def _last_line(error: BaseException, name: str) -> str:
    """Return what a traceback ends with, and the line of the user's file it came from."""
    said = traceback.format_exception_only(error)[-1].strip()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    beside = isinstance(error, ModuleNotFoundError)
    alone = "; the file must be self-contained: it can import installed packages, but no files in its folder"
    hint = alone if beside else ""
    return f"{said}{f' (line {lines[-1]})' if lines else ''}{hint}"
