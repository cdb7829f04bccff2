"""Addresses of dask schedulers, as `--cluster` takes them."""

from __future__ import annotations

import re

SCHEMES = ("", "tcp", "tls", "ws", "wss", "ucx")  #: of addresses HOST:PORT; dask has others
FORM = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})/?", re.ASCII)


def check_address(address: str) -> None:
    """ValueError for an address that no scheduler can have."""
    scheme, _, place = address.rpartition("://")
    found = FORM.fullmatch(place)
    if scheme in SCHEMES and (found is None or not 0 < int(found[1]) < 2**16):
        raise ValueError(f"--cluster {address!r:.80}: HOST:PORT is needed, such as tcp://10.0.0.1:8786")
