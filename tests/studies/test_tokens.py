"""Energy, writes and life a token, against figures from outside and counts by hand."""

import pytest
import torch

import memsim
from memsim.studies.evaluation import token_work
from memsim.studies.evaluation.points import Point
from memsim.studies.library import tokens

CARD = memsim.ChipCard.load("default").without("wires")


def outside(event: str, joule: float) -> memsim.ChipCard:
    """The card with the price of a write as the outside figure has it."""
    return CARD.replace(prices={event: {"energy [J]": joule, "source": "of the outside figure, for a test"}})


@pytest.mark.parametrize(
    ("count", "products", "sram"), [(64, 1.9e-9, 12.4e-9), (1024, 30e-9, 198e-9), (4096, 121e-9, 792e-9)]
)
def test_digital_memories_are_within_a_tenth_of_outside_figures(
    count: int, products: float, sram: float
) -> None:
    """Int8 products of .23 pJ and reads of an SRAM of 8 KB, a token and head of 64 features."""
    found = token_work.digital(CARD, count)
    assert found["products"] == pytest.approx(products, rel=0.1)
    assert found["SRAM"] == pytest.approx(sram, rel=0.1)
    assert found["DRAM"] > 10 * found["SRAM"]


@pytest.mark.parametrize(
    ("event", "joule", "wanted"),
    [("program-pcm", 29e-12 + 8 * 4.5e-12, 16.6e-9), ("program-pcm", 10 * 1.3e-12, 3.3e-9)],
)
def test_a_line_costs_what_its_pulses_do(event: str, joule: float, wanted: float) -> None:
    """A RESET and eight SETs of phase-change memory, ten pulses of ReRAM, for each of 256 devices."""
    spent = token_work.lines(outside(event, joule), "verify", 64, [0], 0)
    assert spent.writes == 256
    assert spent.ledger.breakdown()["weight writes"] == pytest.approx(wanted, rel=0.1)
    assert spent.cycles == 1 / 64


def test_reads_grow_with_the_context_and_writes_do_not() -> None:
    short, long = (token_work.lines(CARD, "verify", n, [0], 0).ledger.breakdown() for n in (64, 256))
    assert short["weight writes"] == pytest.approx(long["weight writes"], rel=1e-6)
    sensed = [n - (token_work.NEW - 1) / 2 + token_work.WIDTH for n in (64, 256)]  # lines, and value columns
    assert long["ADC"] / short["ADC"] == pytest.approx(sensed[1] / sensed[0], rel=1e-6)


def test_a_state_writes_all_of_itself_and_stdp_its_weights_in_every_step() -> None:
    state = token_work.state(CARD, "verify", 64, [0, 1], 0)
    assert state.writes == 2 * 64 * 128
    assert state.ledger.number("program-pcm") == state.writes
    card = CARD.replace(attention={"cell": "ecram-li"})
    volatile, kept = (
        token_work.state(card, "pulses", 64, [0], 0, volatile=volatile) for volatile in (True, False)
    )
    assert volatile.ledger.energy < 0.2 * kept.ledger.energy  # no state is read for its decay
    torch.manual_seed(0)
    stdp = token_work.rewriting(CARD, "pulses", 16, [0, 1], 0)
    assert stdp.ledger.number("reset") == pytest.approx(16 * 16 * token_work.STEPS / 16)
    assert stdp.writes == 16 * token_work.STEPS and stdp.cycles == token_work.STEPS / 16


def test_break_even_is_where_the_lines_through_the_ends_cross() -> None:
    def point(n: int, joule: float) -> Point:
        return Point(
            labels={"memory": "lines, pcm-joshi2020", "tokens": n},
            total={"energy [J]": joule, "digital energy [J]": {"SRAM": 3e-12 * n, "products": 1e-12 * n}},
        )

    of = {64: point(64, 100e-12 + 64e-12), 256: point(256, 100e-12 + 256e-12)}
    assert tokens.break_even(of, "SRAM") == pytest.approx(50.0)
    assert tokens.break_even(of, "products") is None and tokens.break_even({64: of[64]}, "SRAM") is None
