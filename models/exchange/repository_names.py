"""Names of parameters in the public repositories' networks, and memsim's names of the same.

spikingformer  zhouchenlin2096/Spikingformer, cifar10 and imagenet
spikformer     ZK-Zhou/spikformer, cifar10 (linear layers) and imagenet (convolutions)
sdt            BICLab/Spike-Driven-Transformer
s2tdpt         Spikingformer's names, which that paper builds on; it has no public repository
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Rules = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Repository:
    """A repository's names: the kind of memsim's network, rules from theirs to ours, what they never use."""

    kind: str
    rules: Rules
    unused: tuple[str, ...] = ()

    def ours(self, name: str) -> str | None:
        """Return memsim's name; "" for what is built and never used, None for a name without a rule."""
        if any(re.fullmatch(pattern, name) for pattern in self.unused):
            return ""
        for pattern, replacement in self.rules:
            found = re.fullmatch(pattern, name)
            if found:
                return _before(found.expand(replacement))
        return None


def _before(name: str) -> str:
    """Count the number that a rule has marked with < down by one: stages.<3> is stages.2."""
    return re.sub(r"<(\d+)>", lambda found: str(int(found[1]) - 1), name)


_ATTENTION: Rules = (
    (r"block\.(\d+)\.attn\.(q|k|v|proj)_(?:conv|linear)\.(\w+)", r"blocks.\1.attention.\2.linear.\3"),
    (r"block\.(\d+)\.attn\.(q|k|v|proj)_bn\.(\w+)", r"blocks.\1.attention.\2.norm.\3"),
)
_HEAD: Rules = ((r"head\.(weight|bias)", r"head.\1"),)
_STEM: Rules = (
    (r"patch_embed\.proj_conv\.(\w+)", r"patches.stages.0.conv.\1"),
    (r"patch_embed\.proj_bn\.(\w+)", r"patches.stages.0.norm.\1"),
    (r"patch_embed\.proj_conv(\d)\.(\w+)", r"patches.stages.\1.conv.\2"),
    (r"patch_embed\.proj_bn(\d)\.(\w+)", r"patches.stages.\1.norm.\2"),
    (r"patch_embed\.rpe_conv\.(\w+)", r"patches.conv.\1"),
    (r"patch_embed\.rpe_bn\.(\w+)", r"patches.norm.\1"),
)
_SPIKINGFORMER: Rules = (
    (r"patch_embed\.block0_conv\.(\w+)", r"patches.encoder.\1"),
    (r"patch_embed\.block0_bn\.(\w+)", r"patches.norm.\1"),
    (r"patch_embed\.block([1-9])_conv\.(\w+)", r"patches.stages.<\1>.conv.\2"),
    (r"patch_embed\.block([1-9])_bn\.(\w+)", r"patches.stages.<\1>.norm.\2"),
    *_ATTENTION,
    (r"block\.(\d+)\.mlp\.mlp([12])_conv\.(\w+)", r"blocks.\1.mlp.fc\2.linear.\3"),
    (r"block\.(\d+)\.mlp\.mlp([12])_bn\.(\w+)", r"blocks.\1.mlp.fc\2.norm.\3"),
    *_HEAD,
)
_NORMS = r"block\.\d+\.norm[12]\.\w+"  #: layer norms that no forward calls

REPOSITORIES: Mapping[str, Repository] = {
    "spikingformer": Repository("spikingformer", _SPIKINGFORMER, (_NORMS,)),
    "s2tdpt": Repository("s2tdpt", _SPIKINGFORMER, (_NORMS,)),
    "spikformer": Repository(
        "spikformer",
        (
            *_STEM,
            *_ATTENTION,
            (r"block\.(\d+)\.mlp\.fc([12])_(?:conv|linear)\.(\w+)", r"blocks.\1.fc\2.linear.\3"),
            (r"block\.(\d+)\.mlp\.fc([12])_bn\.(\w+)", r"blocks.\1.fc\2.norm.\3"),
            *_HEAD,
        ),
        (_NORMS, "pos_embed", r"patch_embed\.norm\.\w+"),
    ),
    "sdt": Repository(
        "sdt",
        (
            *_STEM,
            *_ATTENTION,
            (r"block\.(\d+)\.mlp\.fc([12])_conv\.(\w+)", r"blocks.\1.mlp.fc\2.linear.\3"),
            (r"block\.(\d+)\.mlp\.fc([12])_bn\.(\w+)", r"blocks.\1.mlp.fc\2.norm.\3"),
            *_HEAD,
        ),
        (r"block\.\d+\.attn\.talking_heads\.weight",),
    ),
}
"""The repositories by the name that `from_repository` takes."""
