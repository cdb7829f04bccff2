"""Tables of laboratories: twenty layouts read to the same numbers, twenty faults refused with the remedy."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memsim.devices.fitting.reading import understand, understand_bytes
from memsim.devices.fitting.tables.headers import parse
from memsim.devices.fitting.tables.units import unit_of
from tests.devices.lab_tables import DEVICES, FAULTS, LAYOUTS, MICRO, WAYS, long


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_numbers(layout):
    data, columns = LAYOUTS[layout]
    found = understand_bytes(data, columns=columns).curves
    assert found.devices == DEVICES
    np.testing.assert_allclose(found.conductance, 1e-6 * MICRO, rtol=1e-8)
    assert found.direction[1:].T.tolist() == [WAYS[1:]] * 3


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_refused_with_its_remedy(fault, tmp_path):
    data, words = FAULTS[fault]
    path = tmp_path / "measured.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"measured\.csv") as refusal:
        understand(path)
    for word in words:
        assert word in str(refusal.value)
    assert len(str(refusal.value)) < 600


def test_there_are_forty():
    assert len(LAYOUTS) == len(FAULTS) == 20


UNITS = {
    "S": 1, "mS": 1e-3, "µS": 1e-6, "μS": 1e-6, "uS": 1e-6, "nS": 1e-9, "pS": 1e-12, "microsiemens": 1e-6,
    "10^-6 S": 1e-6, "1e-9 S": 1e-9, "ohm": 1, "kOhm": 1e3, "kΩ": 1e3, "MΩ": 1e6, "s": 1, "ms": 1e-3,
    "min": 60, "h": 3600, "days": 86400, "V": 1, "mV": 1e-3, "K": 1,
}  # fmt: skip


@pytest.mark.parametrize("text", UNITS)
def test_units_have_their_factors(text):
    unit = unit_of(text)
    assert unit is not None and unit.factor == pytest.approx(UNITS[text], rel=1e-12)


@pytest.mark.parametrize("text", ["US", "x", "", "Sm", "umin", "S s", "mm"])
def test_other_texts_are_no_units(text):
    assert unit_of(text) is None


def test_celsius_is_no_kelvin():
    unit = unit_of("°C")
    assert unit and 25 * unit.factor + unit.offset == pytest.approx(298.15)


@pytest.mark.parametrize("text", ["G [uS]", "G (uS)", "G / uS", "G_uS", "G in uS", "g, uS", "Conductance uS"])
def test_a_header_gives_name_and_unit_in_every_style(text):
    header = parse(text)
    assert header.quantity == "conductance" and header.unit == ("conductance", 1e-6, 0.0)


@pytest.mark.parametrize(("text", "quantity"), [("t [s]", "time"), ("T [K]", "temperature"), ("d_s", "")])
def test_a_unit_decides_between_two_quantities(text, quantity):
    assert parse(text).quantity == quantity


def test_gaps_are_pulses_without_a_reading():
    text = "pulse,direction,G [uS]\n0,none,1\n10,up,2\n13,down,1.5\n"
    curves = understand_bytes(text.encode()).curves
    assert curves.direction[:, 0].tolist() == [0] + [1] * 10 + [-1] * 3
    assert np.isfinite(curves.conductance[:, 0]).nonzero()[0].tolist() == [0, 10, 13]


def test_set_pulses_alone_are_reset_between_cycles():
    text = "cycle,pulse,direction,G [uS]\n0,0,none,1\n0,1,set,2\n0,2,set,3\n1,0,none,1.1\n1,1,set,2.1\n"
    curves = understand_bytes(text.encode()).curves
    assert curves.direction[:, 0].tolist() == [0, 1, 1, 2, 1]


def test_a_resistance_of_zero_is_refused():
    text = long("device,pulse,direction,R [kohm]", 0.0)
    with pytest.raises(ValueError, match="resistance is above 0"):
        understand_bytes(text.encode())


def test_an_offset_and_a_swap_are_as_asked(tmp_path):
    path = tmp_path / "my curves.csv"
    path.write_text(long("device,pulse,direction,G [uS]"), "utf-8")
    found = understand(path, offset=0.5e-6, swap=True)
    np.testing.assert_allclose(found.curves.conductance, 1e-6 * MICRO - 0.5e-6)
    assert found.curves.direction[1:, 0].tolist() == [-w for w in WAYS[1:]]
    assert "offset of 5e-07 S subtracted" in str(found) and "up and down exchanged" in str(found)


def test_noise_below_zero_is_a_reading():
    text = "pulse,direction,G [uS]\n0,none,-0.1\n1,up,5\n2,up,9\n3,up,10\n4,up,11\n"
    found = understand_bytes(text.encode())
    assert found.curves.conductance.min() == pytest.approx(-0.1e-6)
    assert "1 reading(s) below 0" in str(found)


def test_readings_may_be_in_any_order():
    text = "device,pulse,direction,G [uS]\nb,1,up,3\na,2,down,1\na,1,up,2\nb,0,none,1\na,0,,1\n"
    curves = understand_bytes(text.encode()).curves
    assert curves.devices == ("a", "b")
    assert curves.direction.T.tolist() == [[0, 1, -1], [0, 1, 0]]
    assert np.isnan(curves.conductance[2, 1]) and curves.conductance[2, 0] == pytest.approx(1e-6)


def test_a_time_before_the_write_is_refused():
    with pytest.raises(ValueError, match=r"time \[s\] = -1"):
        understand_bytes(b"device,time [s],conductance [S]\na,-1,1e-6\n")


TIMES = {
    "long, hours": "device,time [h],G [uS]\na,0,5\na,1,4\nb,0,6\nb,1,5\n",
    "wide, minutes": "Zeit / min;a / uS;b / uS\n0;5;6\n60;4;5\n",
    "kiloohms": "sample,t (s),R (kohm)\na,3600,250\na,0,200\nb,0,166.66666667\nb,3600,200\n",
    "a blank": "device,time [ms],G [nS]\na,0,5000\na,3600000,4000\na,1,\nb,0,6000\nb,3600000,5000\n",
}


@pytest.mark.parametrize("layout", TIMES)
def test_retention_in_every_unit(layout):
    curves = understand_bytes(TIMES[layout].encode()).curves
    assert curves.devices == ("a", "b")
    np.testing.assert_allclose(curves.time, [[0, 0], [3600, 3600]])
    np.testing.assert_allclose(curves.conductance, [[5e-6, 6e-6], [4e-6, 5e-6]], rtol=1e-8)


CELLS = st.one_of(
    st.sampled_from(["1", "2.5e-6", "3,5", "up", "-1", "", "nan", "9.9e37", "1e400", "d0", "#", '"', "−3"]),
    st.text(max_size=6),
)
HEADERS = st.sampled_from(
    [
        "device",
        "pulse",
        "direction",
        "conductance [S]",
        "G (uS)",
        "R [kohm]",
        "time [h]",
        "cycle",
        "V [V]",
        "x",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=tuple(HealthCheck))
@given(
    header=st.lists(HEADERS, min_size=1, max_size=6),
    rows=st.lists(st.lists(CELLS, max_size=7), max_size=8),
    sep=st.sampled_from([",", ";", "\t", " "]),
    codec=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-16-le"]),
    asked=st.sampled_from([None, "device=x", "conductance [uS]=*", "direction=up", "time [s]=pulse"]),
)
def test_no_table_ends_in_a_traceback(header, rows, sep, codec, asked):
    text = "\n".join(sep.join(row) for row in (header, *rows))
    _harmless(text.encode(codec, errors="replace"), asked)


@settings(max_examples=300, deadline=None, suppress_health_check=tuple(HealthCheck))
@given(data=st.data())
def test_no_damage_of_a_good_table_ends_in_a_traceback(data):
    good, asked = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
    cut = data.draw(st.integers(0, len(good)))
    at = data.draw(st.integers(0, len(good)))
    _harmless(good[:at] + data.draw(st.binary(max_size=5)) + good[at:cut], asked)


def _harmless(data: bytes, asked: str | None) -> None:
    """Read it, or refuse it in words that are short."""
    try:
        curves = understand_bytes(data, columns=asked).curves
    except ValueError as refusal:
        assert 0 < len(str(refusal)) < 2000, refusal
    else:
        known = curves.conductance[np.isfinite(curves.conductance)]
        assert len(known) and known.max() <= 1e-2
