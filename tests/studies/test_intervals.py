"""Intervals against closed forms, tables and their own definition."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from memsim.studies.evaluation.intervals import HERE, TASK, Span, corrected, over_both, over_chips, wilson
from memsim.studies.evaluation.marks import marks, table
from memsim.studies.evaluation.points import Point

Z = 1.959963984540054


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and ends of a share's interval."""
    found = over_chips(values, share=True)
    return found.mean, found.low, found.high


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (1, 10), (225, 450), (448, 450)])
def test_wilson_bounds_are_the_shares_that_the_score_test_just_keeps(successes: int, trials: int) -> None:
    """Wilson's interval is { p : |p_hat - p| <= z sqrt(p (1 - p) / n) }: its ends are edges."""
    share = successes / trials
    for bound in wilson(successes, trials):
        if 1e-9 < bound < 1 - 1e-9:
            assert abs(share - bound) == pytest.approx(Z * math.sqrt(bound * (1 - bound) / trials), rel=1e-9)


def test_wilson_at_the_ends_has_its_closed_form() -> None:
    """No success in n: 0 to z^2 / (n + z^2); all of n: the mirror image."""
    low, high = wilson(0, 20)
    assert low == pytest.approx(0, abs=1e-12)
    assert high == pytest.approx(Z**2 / (20 + Z**2))
    assert wilson(20, 20) == pytest.approx((1 - high, 1.0))


def test_wilson_agrees_with_scipy() -> None:
    expected = stats.binomtest(444, 450).proportion_ci(0.9, method="wilson")
    assert wilson(444, 450, 0.9) == pytest.approx((expected.low, expected.high))


def test_wilson_is_symmetric_in_success_and_failure() -> None:
    low, high = wilson(3, 50)
    assert wilson(47, 50) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_what_is_no_share(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="need 0 <= successes <= trials"):
        wilson(successes, trials)


def test_chips_interval_of_two_is_cauchy() -> None:
    """One degree of freedom is a Cauchy law: t = tan(0.475 pi) = 12.706; half the spread times that."""
    mean, low, high = interval([0.50, 0.51])
    half = math.tan(0.475 * math.pi) * 0.005
    assert (mean, low, high) == pytest.approx((0.505, 0.505 - half, 0.505 + half))


def test_chips_interval_of_three_has_its_closed_form() -> None:
    """Two degrees of freedom: t = (2p - 1) sqrt(2 / (1 - (2p - 1)^2)) with 2p - 1 = 0.95."""
    values = [0.50, 0.52, 0.57]
    mean, half = np.mean(values), 0.95 * math.sqrt(2 / (1 - 0.95**2)) * np.std(values, ddof=1) / math.sqrt(3)
    assert interval(values) == pytest.approx((mean, mean - half, mean + half))


def test_chips_interval_covers_as_often_as_it_says() -> None:
    """2,000 sets of five normal chips: 95 % of the intervals hold the truth, within 5 standard errors."""
    draws = np.random.Generator(np.random.Philox(1)).normal(0.5, 0.02, (2000, 5))
    found = [interval(row.tolist()) for row in draws]
    error = math.sqrt(0.95 * 0.05 / len(found))
    assert abs(np.mean([low <= 0.5 <= high for _, low, high in found]) - 0.95) < 5 * error
    narrow = [(low + 0.1 * (high - low), high - 0.1 * (high - low)) for _, low, high in found]
    assert abs(np.mean([low <= 0.5 <= high for low, high in narrow]) - 0.95) > 5 * error


def test_equal_chips_have_no_width_and_one_chip_tells_nothing() -> None:
    assert interval([0.75, 0.75, 0.75]) == (0.75, 0.75, 0.75)
    assert interval([0.75]) == (0.75, 0.0, 1.0)
    assert over_chips([0.75], share=False).high == math.inf


def test_chips_interval_stays_inside_shares() -> None:
    assert interval([1.0, 0.96])[2] == 1.0


def answers(rng: np.random.Generator, chips: int, images: int, share: float, chip: float, image: float):
    """Right or wrong (chips, images) of chips and images that are better and worse than others: probit."""
    whole = math.sqrt(1 + chip**2 + image**2)
    noise = rng.normal(size=(chips, images))
    level = chip * rng.normal(size=(chips, 1)) + image * rng.normal(size=(1, images)) + noise
    return (level < stats.norm.ppf(share) * whole).astype(float)


@pytest.mark.parametrize(
    ("chips", "images", "share", "chip", "image"),
    [(8, 360, 0.915, 0.1, 2.0), (8, 450, 0.998, 0.1, 2.0), (1, 300, 0.9, 0.0, 0.0), (16, 500, 0.8, 0.5, 1.0)],
)
def test_intervals_over_chips_and_images_cover_the_truth_for_other_ones(chips, images, share, chip, image):
    """At least 95 % within 4 standard errors of 600 draws; over chips alone far fewer where images rule."""
    rng, draws = np.random.default_rng(3), 600
    both = here = 0
    for _ in range(draws):
        found = answers(rng, chips, images, share, chip, image)
        span, alone = over_both(found, share=True), over_chips(found.mean(1).tolist(), share=True)
        both += span.low <= share <= span.high
        here += alone.low <= share <= alone.high
    assert both / draws > 0.95 - 4 * math.sqrt(0.95 * 0.05 / draws)
    if image == 2.0 and share < 0.95:
        assert here / draws < 0.75


@pytest.mark.parametrize(("images", "share"), [(360, 0.94), (450, 0.998)])
def test_intervals_of_a_difference_that_is_none_seldom_exclude_it(images, share):
    """Two treatments alike, eight chips: the interval of their difference holds 0 in at least 95 %."""
    rng, draws, held = np.random.default_rng(4), 500, 0
    for _ in range(draws):
        level = 3 * rng.normal(size=(1, images))
        edge = stats.norm.ppf(share) * math.sqrt(10)
        a, b = ((level + rng.normal(size=(8, images)) < edge).astype(float) for _ in range(2))
        held += over_both(a - b, share=False).sign == 0
    assert held / draws > 0.95 - 4 * math.sqrt(0.95 * 0.05 / draws)


def test_one_chip_has_agresti_and_coulls_interval() -> None:
    """One chip: a share of n + 4 images with two right and two wrong added, t in place of z."""
    right = np.array([[1.0] * 90 + [0.0] * 10])
    share, n = 92 / 104, 104
    half = stats.t.ppf(0.975, n - 1) * math.sqrt(share * (1 - share) / (n - 1))
    assert tuple(over_both(right, share=True)) == pytest.approx((share - half, share + half))


def test_chips_that_differ_in_nothing_are_as_one_and_none_is_certain() -> None:
    all_right = np.ones((8, 360))
    low, high = over_both(all_right, share=True)
    assert high == 1.0 and 0.98 < low < 1 - 1 / 360
    assert over_both(np.zeros((8, 360)), share=False).sign == 0
    assert over_both(all_right, share=True) == pytest.approx(over_both(all_right[:1], share=True), abs=1e-6)


def test_the_best_of_several_has_a_wider_interval() -> None:
    """The best of twelve idle treatments seems to help in less than 5 % of draws; uncorrected in more."""
    rng, draws = np.random.default_rng(5), 400
    plain = careful = 0
    for _ in range(draws):
        gains = rng.normal(0, 0.01, (12, 8))
        best = max(gains.tolist(), key=lambda row: sum(row))
        plain += over_chips(best, share=False).low > 0
        careful += over_chips(best, share=False, level=corrected(12)).low > 0
    assert careful / draws < 0.05 < plain / draws
    with pytest.raises(ValueError, match="of = 0"):
        corrected(0)


def test_marks_keep_every_answer() -> None:
    right = torch.rand(3, 13, generator=torch.Generator().manual_seed(0)) < 0.5
    texts = [marks(one) for one in right]
    assert texts[0].startswith("13:")
    assert table(texts).tolist() == right.double().tolist()
    with pytest.raises(ValueError, match="all must have the same number"):
        table([texts[0], marks(right[0, :5])])


def test_what_is_sure_names_what_it_is_sure_of() -> None:
    """Ten of 40 images differ the same way on every chip: certain on these images, and over others."""
    rng = np.random.default_rng(6)
    images = np.zeros((8, 400))
    images[:, :40] = rng.random((8, 40)) < 0.9
    images[0, 50] = -1

    def point(counted: np.ndarray) -> Point:
        right = torch.from_numpy(counted) > 0
        shares, kept = right.double().mean(1).tolist(), [marks(one) for one in right]
        name = "accuracy [1]"
        return Point(labels={}, chips=list(range(8)), per_chip={name: shares}, marks={name: kept})

    better, none = point((images > 0).astype(float)), point(np.zeros((8, 400)))
    assert better.against(none, "accuracy [1]").sure == (1, TASK)
    none.shared = {"dataset": {"name": "other", "digest": "0"}}  # other images are not paired
    assert better.against(none, "accuracy [1]").task is None
    none.shared = {}
    slight = (np.arange(400) < 2) * np.ones((8, 400))
    slight[0, 2] = 1
    found = point(slight).against(none, "accuracy [1]")
    assert found.sure == (1, HERE) and found.task is not None and found.task.low < 0 < found.low


def test_tables_of_other_entries_are_refused() -> None:
    for wrong in (np.ones(3), np.ones((2, 0)), 2 * np.ones((2, 2))):
        with pytest.raises(ValueError, match=r"a table \(chips, images\)"):
            over_both(wrong, share=False)
    with pytest.raises(ValueError, match=r"a table \(chips, images\)"):
        over_both(-np.ones((2, 2)), share=True)
    assert Span(0.1, 0.2).sign == 1 and Span(-2.0, -1.0).sign == -1 and Span(-1.0, 1.0).sign == 0
