"""Memory that a pass frees stays with the process, so that the next pass does not fetch it page by page.

glibc maps blocks above 32 MB anew each time they are asked for, and every new page costs a fault: a tenth of
the time of s2tdpt-fashion's chips on 16 images. Environment variables MALLOC_... have the last word.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

TRIM, TOP, MAPPED = -1, -2, -3  #: names of mallopt's settings (glibc, malloc.h)
SETTINGS = {TRIM: 2**31 - 1, TOP: 2**26, MAPPED: 2**30}  #: [byte]


@cache
def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory, once; returns whether it could."""
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, value) == 1 for name, value in SETTINGS.items())
