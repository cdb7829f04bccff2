"""Weight-dependent STDP: the closed form as judge of what pulses do to devices."""

import pytest
import torch

from memsim.learning.soft_bound_stdp import SoftBounds, pairings
from tests.learning.made import array, card
from tests.statistics import assert_mean

CELL = card("reram-om", "device-spread", "cycle-noise", "write-noise", "reset-noise")
LAW = SoftBounds(up=0.0949, down=0.0949, high=1.0, low=-1.0)
"""reram-om's nominal device: dw_min over the bounds at 1 and -1."""


def test_identical_pulses_are_the_multiplicative_rule() -> None:
    made = array(CELL, torch.zeros(5, 4), chips=(0, 1))
    g = torch.Generator().manual_seed(1)
    up, down = (torch.randint(0, 12, (2, 5, 4), generator=g) for _ in range(2))
    devices = made.pulsed
    assert devices is not None
    before = devices.held[:, 0].double()
    made.pulse(up, down)
    wanted = LAW.after(before, up, down)
    assert torch.allclose(devices.held[:, 0].double(), wanted, atol=2e-3)
    wrong = LAW._replace(up=LAW.up * 1.03).after(before, up, down)
    assert not torch.allclose(devices.held[:, 0].double(), wrong, atol=2e-3)


def test_a_step_shrinks_towards_its_bound() -> None:
    w = torch.tensor([-0.9, 0.0, 0.9], dtype=torch.float64)
    rise, fall = LAW.after(w, 1, 0) - w, w - LAW.after(w, 0, 1)
    assert (rise.diff() < 0).all() and (fall.diff() > 0).all()
    assert torch.allclose(rise, LAW.up * (1 - w)) and torch.allclose(fall, LAW.down * (w + 1))
    assert torch.allclose(LAW.after(w, 10_000, 0), torch.ones(3, dtype=torch.float64))


def test_single_pulses_settle_where_their_mean_steps_cancel() -> None:
    share = 0.7
    made = array(card("reram-om", "device-spread", "write-noise"), torch.zeros(60, 60), chips=(0,))
    g = torch.Generator().manual_seed(2)
    for _ in range(60):
        up = (torch.rand(1, 60, 60, generator=g) < share).float()
        made.pulse(up, 1 - up)
    assert made.pulsed is not None
    assert_mean(made.pulsed.held, LAW.settles(share), floor=0.01)
    with pytest.raises(AssertionError):
        assert_mean(made.pulsed.held, LAW.settles(share * 1.1), floor=0.01)


def test_pairings_by_hand() -> None:
    pre = torch.tensor([[1.0, 0], [0, 0], [0, 1]], dtype=torch.float64)
    post = torch.tensor([[0.0], [1], [0]], dtype=torch.float64)
    up, down = pairings(pre, post, 0.5, 8)
    assert up.flatten().tolist() == [4.0, 0.0]  # a step before: half of 8
    assert down.flatten().tolist() == [0.0, 4.0]  # a step after
    up, down = pairings(pre[:1], post[1:2], 0.5, 8)
    assert up.flatten().tolist() == [8.0, 0.0] and not down.any()  # together counts as before


def test_pulses_are_refused_where_a_cell_takes_none_or_counts_are_none() -> None:
    made = array(CELL, torch.zeros(5, 4))
    none = torch.zeros(2, 5, 4)
    with pytest.raises(ValueError, match="down must hold finite numbers of pulses, 0 or more"):
        made.pulse(none, none - 1)
    with pytest.raises(ValueError, match=r"of shape \(2, 5, 4\)"):
        made.pulse(none[0], none)
    for cell in ("ideal", "pcm-nandakumar2020"):
        with pytest.raises(ValueError, match="does not take pulses in both directions"):
            array(cell, torch.rand(5, 4)).pulse(none, none)
