"""Files that may be damaged: whatever a library makes of one, a user gets one message that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def readable(kind: str, path: str | Path) -> Iterator[None]:
    """Turn what is raised inside into ValueError naming the file; a ValueError that names it stays.

    Readers of archives, pickles and images raise whatever their innermost part does: BadZipFile, EOFError,
    zlib.error, AssertionError, MemoryError for an absurd header.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        said, ending = f"{type(error).__name__}: {error}"[:300], Path(path).suffix
        other = f"no {ending}" if ending else "of another kind"
        raise ValueError(f"{kind} {path} cannot be read, it is damaged or {other} ({said})") from None
