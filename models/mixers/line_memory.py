"""The digital memory of a mixer: a rule applied to lines, for all tokens at once or token by token."""

from __future__ import annotations

from torch import Tensor

from memsim.memory.written_memory import Blend, WrittenMemory
from memsim.models.mixers.rules.rule import Rule
from memsim.models.mixers.rules.stick_breaking import rest


class LineMemory(WrittenMemory):
    """Memory of lines read with weights by a rule: o_i = sum_j w_ij v_j,  w = rule(scale q.k).

    scale: digital factor on the scores [1].  own_rest: for stick-breaking, the remaining weight goes to the
    token's own value, o_i += rest_i v_i (an option of the authors' code).  Raises ValueError for own_rest
    with a rule whose readers also read their own line.
    """

    def __init__(self, rule: Rule, scale: float, own_rest: bool = False) -> None:
        super().__init__()
        if own_rest and rule.own:
            raise ValueError(f"own_rest = True: with the rule {rule.name} a token already reads its own line")
        self.rule, self.scale, self.own, self.own_rest = rule, scale, rule.own, own_rest
        self.block = rule.block

    def blend(self, scores: Tensor, gate: Tensor | None, mask: Tensor) -> Blend:
        z = scores * self.scale
        share = rest(z if gate is None else z + gate, mask) if self.own_rest else None
        return Blend(self.rule.weigh(z, gate, mask), share)

    def operations(self, lines: int) -> dict[str, float]:
        count = self.rule.operations
        return {
            "digital-function": count.exponentials * lines + count.divisions,
            "digital-add": count.additions * lines,
            "digital-multiply": (count.multiplications + 1) * lines,  # the scale
            "digital-compare": count.comparisons * lines,
        }

    def forward(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None) -> Tensor:
        tokens = q.shape[-2]
        weights, share = self.blend(q @ k.mT, gate, self.rule.mask(tokens, tokens, q.device))
        out = weights @ v
        return out if share is None else out + share[..., None] * v
