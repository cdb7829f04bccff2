"""How long attention lives: closed forms by hand."""

import pytest

from memsim.devices.endurance import Endurance
from memsim.energy.lifetime import life, lives


@pytest.mark.parametrize(("cycles", "seconds"), [(1e6, 1000), (1e8, 1e5), (1e12, 1e9)])
def test_a_cycle_an_image_at_a_thousand_images_a_second(cycles, seconds):
    """17 minutes, 28 hours, 32 years."""
    assert life("x", Endurance(cycles, 10 * cycles, "made up"), 1.0).seconds(1000) == (seconds, 10 * seconds)


def test_twice_the_cycles_is_half_the_life_of_every_technology():
    for one, two in zip(lives(4.0), lives(8.0), strict=True):
        assert one.low == 2 * two.low and one.high == 2 * two.high
        assert one.technology == two.technology and one.endurance.source
    assert [x.low for x in lives(4.0) if x.technology == "ReRAM"] == [2500]


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="cycles = 0"):
        life("x", Endurance(1, 2, "made up"), 0.0)
    with pytest.raises(ValueError, match="rate = -1"):
        life("x", Endurance(1, 2, "made up"), 1.0).seconds(-1)
