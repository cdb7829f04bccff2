"""Bad settings and bad numbers of memories on arrays get one message with field, value and allowed range."""

import math
from typing import Any

import pytest
import torch

import memsim
from memsim import ChipCard
from memsim.memory.clock import Clock
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.line_design import LineDesign
from memsim.memory.line_options import Settings
from memsim.memory.lines import IdealLines
from memsim.memory.on_lines import put_on_lines
from memsim.memory.on_states import put_on_states
from memsim.memory.ranges import LineRanges
from memsim.memory.state_array import StateSettings
from memsim.models.mixers.network import SequenceConfig, SequenceNet

CARD = ChipCard.load("default").without("wires")
SLIPS: list[dict[str, Any]] = [
    {"capacity": 0}, {"capacity": 2.5}, {"capacity": True}, {"tile": -1}, {"tile": 2.5}, {"bits": 1},
    {"bits": 17}, {"bits": 4.5}, {"full": "drop"}, {"retention": 0}, {"retention": math.nan},
    {"retention": "1 s"}, {"correct": 1}, {"ones": "yes"}, {"selectors": True}, {"clock": 1e3},
    {"write": "slow"}, {"gate": "analog"},
]  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_settings_of_lines_name_the_field(slip: dict[str, Any]) -> None:
    (field,) = slip
    with pytest.raises(ValueError, match=f"^{field} = .*(needed|has no effect)"):
        Settings(**slip)
    if field not in ("clock", "write", "gate", "capacity"):
        with pytest.raises(ValueError, match=f"{field} = "):
            LineDesign(
                **{"name": "m", "card": CARD, "heads": 1, "keys": 2, "values": 3, "capacity": 3} | slip
            )


@pytest.mark.parametrize("slip", [{"clock": 3}, {"write": "x"}, {"retention": -1}, {"retention": math.nan}])
def test_settings_of_states_name_the_field(slip: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(slip))} = .*needed"):
        StateSettings(**slip)


@pytest.mark.parametrize("rate", [0, -5, math.nan, math.inf, "fast", True, None])
def test_rates_of_tokens_are_positive_numbers(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"^rate = .* a (positive )?number"):
        Clock(rate)


def lines_of(tokens: int = 0) -> CrossbarLines:
    one = torch.ones(1, 1)
    ranges = LineRanges(query=one, key=one, value=one, score=one, out=one)
    lines = CrossbarLines(LineDesign(name="m", card=CARD, heads=1, keys=2, values=3, capacity=3), ranges)
    for t in range(tokens):
        lines.append(torch.zeros(1, 1, 2), torch.zeros(1, 1, 3), float(t))
    return lines


@pytest.mark.parametrize(
    ("keys", "values", "now", "said"),
    [
        ((1, 1, 3), (1, 1, 2), 0.0, r"m: keys of shape .* 2 features\) is needed"),  # exchanged, same sum
        ((1, 2, 2), (1, 2, 3), 0.0, r"1 heads"), ((2, 1, 2), (2, 1, 3), 0.0, "2 rows for 1 chips"),
        ((1, 1, 2), (2, 1, 3), 0.0, "equal but for the last"), ((1, 1, 2), (1, 1, 3), math.nan, "now = nan"),
        ((1, 1, 2), (1, 1, 3), math.inf, "now = inf"),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit_are_refused(keys: Any, values: Any, now: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lines_of().append(torch.zeros(keys), torch.zeros(values), now)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("make", [lines_of, IdealLines], ids=["array", "ideal"])
def test_numbers_that_are_not_finite_are_refused(make: Any, bad: float) -> None:
    key, value = torch.zeros(1, 1, 2), torch.zeros(1, 1, 3)
    for k, v, name in ((key + bad, value, "keys"), (key, value + bad, "values")):
        with pytest.raises(ValueError, match=f"{name} hold NaN or infinity"):
            make().append(k, v)
    with pytest.raises(ValueError, match=r"keys of type torch\.int64"):
        make().append(key.long(), value)
    with pytest.raises(ValueError, match="3 lines with 2 times"):
        make().extend(torch.zeros(1, 1, 3, 2), torch.zeros(1, 1, 3, 3), [0.0, 1.0])


def test_reads_that_do_not_fit_are_refused() -> None:
    lines = lines_of(2)
    for w, said in (
        (torch.ones(1, 1, 3), "3 weights for 2 lines"),
        (torch.ones(1, 1, 2) / 0, "weights hold"),
    ):
        with pytest.raises(ValueError, match=said):
            lines.blend(w, 2.0)
    for kind in (lines_of(), IdealLines()):
        with pytest.raises(ValueError, match="0 weights for 0 lines"):
            kind.blend(torch.zeros(1, 1, 0), 2.0)
    with pytest.raises(ValueError, match="queries of shape"):
        lines.match(torch.zeros(1, 1, 3), 2.0)
    with pytest.raises(ValueError, match="queries hold NaN"):
        lines.match(torch.full((1, 1, 2), math.nan), 2.0)
    with pytest.raises(ValueError, match=r"now = \[inf\] s"):
        lines.match(torch.zeros(1, 1, 2), math.inf)


@pytest.mark.parametrize(("mixer", "put"), [("softmax", put_on_lines), ("mamba-2", put_on_states)])
def test_memories_are_placed_once(mixer: str, put: Any) -> None:
    """A second array inside the first would replace its digital form."""
    net = SequenceNet(SequenceConfig(mixer=mixer, vocabulary=9, width=8, layers=1)).eval()
    chip = memsim.to_crossbar(net, CARD, calibration=torch.randint(0, 9, (3, 6)))
    put(chip)
    with pytest.raises(ValueError, match=r"on arrays already: blocks\.0\.mixer\.memory"):
        put(chip)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (torch.zeros(1, 3), r"float32: \(sequences, 1 or more tokens\), int64"),
        (torch.zeros(3, dtype=torch.int64), "tokens of shape"), (torch.full((1, 3), 9), "0 to 8 is allowed"),
        (torch.full((1, 3), -1), "from -1 to -1"), (torch.zeros(2, 0, dtype=torch.int64), "1 or more tokens"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("landmark_every", [0, 7])
def test_tokens_outside_the_vocabulary_are_refused(tokens: Any, said: str, landmark_every: int) -> None:
    """The number above the vocabulary stands for landmarks, which the network inserts itself."""
    form = {"mixer": "landmark", "vocabulary": 9, "width": 8, "layers": 1}
    net = SequenceNet(SequenceConfig(**form, landmark_every=landmark_every))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=said):
        net(tokens)


def test_a_state_refuses_exchanged_sides_and_numbers_that_are_none() -> None:
    """x b^T has as many cells as b x^T."""
    one, x, b = torch.ones(1, 1), torch.rand(1, 1, 3), torch.rand(1, 1, 4)
    design = LeakyDesign(name="s", card=CARD, heads=1, rows=3, columns=4)
    with pytest.raises(ValueError, match=r"c = .* positive ranges"):
        CrossbarLeaky(design, one, 0 * one, one)
    state = CrossbarLeaky(design, one, one, one)
    slips = [
        (lambda: state.add(b, x), "s: x of shape"), (lambda: state.add(x, b[..., :2]), "s: b of shape"),
        (lambda: state.add(x.repeat(1, 2, 1), b), "s: x of shape"), (lambda: state.read(x), "s: c of shape"),
        (lambda: state.add(x * math.nan, b), "x holds NaN"), (lambda: state.read(b / 0), "c holds NaN"),
        (lambda: state.decay(-one), "a decay factor of -1: 0 to 1"), (lambda: state.decay(2 * one), "slower"),
        (lambda: state.decay(one * math.nan), "decay holds NaN"),
        (lambda: state.decay(one.repeat(2, 1)), r"decay of shape \(2, 1\): \(chips x sequences, heads\) = "),
    ]  # fmt: skip
    for slip, said in slips:
        with pytest.raises(ValueError, match=said):
            slip()
