"""What a user said of threads holds: importing memsim starts none and sets none of torch's."""

import subprocess
import sys


def test_importing_leaves_the_threads_of_torch_alone():
    code = (
        "import torch; torch.set_num_threads(1); assert torch.get_num_threads() == 1\n"
        "import memsim.devices.numerics.compile as c\n"
        "assert torch.get_num_threads() == 1 and c.match_threads() == 1 and torch.get_num_threads() == 1"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
