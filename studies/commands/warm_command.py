"""`memsim warm`: compile what the commands need, once."""

from __future__ import annotations

import json

from memsim.studies.commands.terminal import Json, progress, say


def warm(as_json: Json = False) -> None:
    """Compile the kernels of networks and arrays, so that the first real run does not wait for them."""
    from memsim.studies.speed.warm import warm as compile_all  # torch comes in here

    with progress() as advance:
        seconds = compile_all(advance)
    if as_json:
        print(json.dumps({f"{name} [s]": time for name, time in seconds.items()}, indent=2))
        return
    for name, time in seconds.items():
        say(f"{name:32} {time:6.1f} s")
    say(f"{'in all':32} {sum(seconds.values()):6.1f} s; a second call shows the time without compilation")
