"""Named random streams: addresses decide, order never does."""

import numpy as np
import pytest
import torch

from memsim.devices.numerics import plain_philox
from memsim.devices.numerics.operation import plain
from memsim.devices.numerics.philox import bits, nearly_normals, normals, philox, seven_rounds
from memsim.devices.numerics.plain_philox import Rows
from memsim.devices.numerics.stream import stream
from tests.statistics import assert_mean, assert_same_law, assert_std

# Random123 1.14, tests/kat_vectors, philox4x32 10: counter, key, result
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


# the same, philox4x32 7
SEVEN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "5f6fb709 0d893f64 4f121f81 4f730a48"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "5207ddc2 45165e59 4d8ee751 8c52f662"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "4dfccaba 190a87f0 c47362ba b6b5242a"),
]


def words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize("counter, key, result", KNOWN)
def test_philox_gives_the_published_answers(counter, key, result):
    assert [int(x) for x in philox(*words(counter), *words(key))] == [int(x) for x in words(result)]


@pytest.mark.parametrize("counter, key, result", SEVEN)
def test_seven_rounds_give_the_published_answers(counter, key, result):
    assert [int(x) for x in seven_rounds(*words(counter), *words(key))[:4]] == [int(x) for x in words(result)]


def test_the_noise_of_pulses_is_nearly_normal():
    """Three moments as they should be; the law to 0.001; neighbours and draws independent."""
    drawn = np.empty((4, 1000, 256), np.float32)
    for block in range(1000):
        nearly_normals(drawn[:, block], np.uint64(1), block, 2, 3, 0, 4)
    z = torch.from_numpy(drawn).double()
    assert_mean(z.flatten(), 0.0, sigma=1.0)
    assert_std(z.flatten(), 1.0)
    assert_mean(z.flatten() ** 4, 3.0)
    law = (torch.erf(z.flatten() / 2**0.5) / 2 + 0.5).sort().values
    assert (law - torch.linspace(0, 1, len(law), dtype=torch.float64)).abs().max() < 0.001 + 2 / len(
        law
    ) ** 0.5
    for pair in (
        (z[0], z[1]),
        (z[..., :64], z[..., 64:128]),
        (z[..., :128], z[..., 128:]),
        (z[..., ::2], z[..., 1::2]),
    ):
        assert_mean((pair[0] * pair[1]).flatten(), 0.0)
        assert_mean(((pair[0] ** 2 - 1) * (pair[1] ** 2 - 1)).flatten(), 0.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * z.flatten(), 1.0)


def test_normals_are_normal():
    z = stream(1, "normals").normal((1_000_000,)).double()
    assert_mean(z, 0.0, sigma=1.0)
    assert_std(z, 1.0)
    assert_mean(z**3, 0.0)
    assert_mean(z**4, 3.0)
    uniform = stream(1, "uniform").uniform((1_000_000,), dtype=torch.float64)
    assert_same_law(torch.erf(z / 2**0.5) / 2 + 0.5, uniform)
    with pytest.raises(AssertionError):
        assert_std(1.03 * z, 1.0)
    with pytest.raises(AssertionError):
        assert_same_law(torch.erf(1.03 * z / 2**0.5) / 2 + 0.5, uniform)


def test_neighbours_are_independent_along_every_axis():
    z = stream(2, range(2), "x").normal((1024,), image=range(20), step=range(20)).double()
    for pair in (
        (z[0], z[1]), (z[:, 0], z[:, 1]), (z[:, :, 0], z[:, :, 1]), (z[..., 0::2], z[..., 1::2]),
        (z[..., :128], z[..., 128:256]), (z[..., :64], z[..., 64:128]), (z[..., :256], z[..., 256:512]),
    ):  # fmt: skip
        assert_mean(pair[0] * pair[1], 0.0)
        assert_mean((pair[0] ** 2 - 1) * (pair[1] ** 2 - 1), 0.0)


def test_a_value_depends_on_its_address_only():
    whole = stream(0, range(8), "attention", range(4)).normal((17, 31), image=[5, 9, 2], step=range(4))
    assert whole.shape == (8, 4, 3, 4, 17, 31)
    part = stream(0, 3, "attention", 2).normal((17, 31), image=[2], step=[1])
    assert torch.equal(whole[3, 2, 2:, 1:2], part)
    again = stream(0, [3, 1], "attention", 2).normal((17, 31), image=[2, 5], step=[1])
    assert torch.equal(whole[[3, 1], 2][:, [2, 0], 1:2], again)


def test_every_part_of_the_address_counts():
    z = stream(0, "a").normal((64,))
    others = [
        stream(1, "a").normal((64,)), stream(0, "b").normal((64,)), stream(0, "a", "a").normal((64,)),
        stream(0, "a").normal((64,), draw=1), stream(0, "a").normal((64,), step=[1])[0],
        stream(0, "a").normal((64,), image=[1])[0],
    ]  # fmt: skip
    assert all(not torch.equal(z, other) for other in others)
    assert torch.equal(z, stream(0).child("a").normal((64,)))


def test_more_cells_keep_the_first_ones():
    assert torch.equal(stream(0, "a").normal((300,)), stream(0, "a").normal((1000,))[:300])


@pytest.mark.parametrize("first", [0, 1, 255, 256, 700])
def test_a_long_row_may_be_drawn_in_pieces(first):
    rng, how, part = stream(0, range(2), "a"), {"image": [3, 4], "step": range(2)}, slice(first, first + 300)
    for draw in (rng.normal, rng.uniform):
        for dtype in (torch.float32, torch.float64):
            whole = draw((1000,), **how, dtype=dtype)
            found = draw((10, 30), **how, dtype=dtype, first=first)
            assert torch.equal(found.flatten(-2), whole[..., part])
            with plain():
                assert torch.equal(draw((300,), **how, first=first), draw((1000,), **how)[..., part])


@pytest.mark.parametrize("first", [-1, 2**34 - 3])
def test_cells_beyond_the_counter_are_refused(first):
    with pytest.raises(ValueError, match=f"first={first}"):
        stream(0).normal((4,), first=first)


@pytest.mark.parametrize("rounds, known", [(10, KNOWN), (7, SEVEN)])
def test_the_torch_form_gives_the_published_answers(rounds, known):
    """Counter words as a row sees them: cell, step, image, draw."""
    for counter, key, result in known:
        c0, c1, c2, c3 = (int(word) for word in words(counter))
        k0, k1 = (int(word) for word in words(key))
        keys = np.array([k0 | k1 << 32], np.uint64)
        rows = Rows.of(keys, np.array([c2]), np.array([c1]), 1)
        found = plain_philox.philox(rows, torch.tensor([c0]), c3, rounds)
        assert [int(word) for word in found] == [int(word) for word in words(result)]


def test_words_are_the_kernels_bit_for_bit():
    key, step, image, draw = 0x9ABCDEF012345678, 2**32 - 1, 7, 2**31
    made = np.empty((1, 1000, 256), np.uint32)
    for block in range(1000):
        bits(made[:, block], np.uint64(key), block, step, image, draw, 1)
    rows = Rows.of(np.array([key], np.uint64), np.array([image]), np.array([step]), 256_000)
    expected = torch.from_numpy(made.astype(np.int64))
    assert torch.equal(plain_philox.words(rows, draw).flatten(), expected.flatten())


def test_double_precision_rounds_to_single():
    rng = stream(0, "a")
    single, double = rng.normal((100_000,)), rng.normal((100_000,), dtype=torch.float64)
    assert double.dtype == torch.float64
    assert (single - double).abs().max() < 3e-6


def test_extreme_bits_stay_finite():
    z, drawn = np.empty((1, 256), np.float32), np.empty((1, 256), np.uint32)
    for block in range(2000):
        normals(z, drawn, np.uint64(1), block, 0, 0, 0, 1)
        assert np.isfinite(z).all() and np.abs(z).max() < 6.67


def test_uniform_stays_strictly_inside():
    u = stream(0, "u").uniform((1_000_000,))
    assert 0.0 < u.min() and u.max() < 1.0


def test_bad_addresses_are_refused():
    with pytest.raises(ValueError, match="image"):
        stream(0, "a").normal((4,), image=[-1])
    with pytest.raises(TypeError, match="path"):
        stream(0, object())
