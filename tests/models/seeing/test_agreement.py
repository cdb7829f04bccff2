"""Agreement of maps against scipy, and against what is known of it without a computer."""

import pytest
import torch
from scipy.stats import spearmanr

from memsim.models.seeing.agreement import rank_correlation, top_count, top_overlap


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_scipys(ties):
    a, b = maps(3, 4, 5, 6), maps(3, 4, 5, 6, seed=1) + maps(3, 4, 5, 6)
    if ties:
        a, b = a.round(), b.round()
    found = rank_correlation(a, b)
    for one, x, y in zip(found.flatten(), a.flatten(0, 1), b.flatten(0, 1), strict=True):
        assert float(one) == pytest.approx(spearmanr(x.flatten(), y.flatten()).statistic, abs=1e-12)


def test_order_alone_counts():
    a = maps(7, 4, 4)
    assert torch.allclose(rank_correlation(a, 3 * a - 8), torch.ones(7, dtype=torch.float64))
    assert torch.allclose(rank_correlation(a, -(a**3)), -torch.ones(7, dtype=torch.float64))
    assert torch.equal(top_overlap(a, a.exp()), torch.ones(7, dtype=torch.float64))
    assert top_overlap(a, -a, 0.25).max() == 0


def test_a_map_alike_everywhere_has_no_order():
    a, flat = maps(2, 4, 5), torch.full((2, 4, 5), 0.3)
    assert rank_correlation(a, flat).isnan().all()
    assert torch.allclose(top_overlap(a, flat), torch.full((2,), 0.2, dtype=torch.float64))
    assert torch.equal(top_overlap(flat, flat), torch.ones(2, dtype=torch.float64))


def test_overlap_at_chance_is_a_fifth():
    a, b = maps(8000, 5, 10), maps(8000, 5, 10, seed=1)
    found = top_overlap(a, b)
    error = float(found.std()) / len(found) ** 0.5
    assert abs(float(found.mean()) - 0.2) < 4 * error
    assert 4 * error < 0.03 * 0.2  # a share wrong by 3 % would be seen


def test_overlap_of_a_map_with_ties_at_the_border_with_itself_is_one():
    sparse = torch.zeros(5, 5)
    sparse[0, :2] = torch.tensor([2.0, 1.0])
    assert float(top_overlap(sparse, sparse)) == pytest.approx(1)


def test_overlap_by_hand():
    a, b = torch.arange(10.0).view(2, 5), torch.arange(10.0).view(2, 5)
    b[1, 4], b[0, 0] = 0.0, 9.0  # of the two highest, 8 and 9, one stays
    assert float(top_overlap(a, b)) == 0.5
    assert (top_count(64), top_count(16), top_count(3)) == (13, 3, 1)


def test_shapes_broadcast_over_chips():
    one, several = maps(1, 4, 3, 3), maps(6, 4, 3, 3, seed=2)
    assert torch.equal(rank_correlation(several, one)[2], rank_correlation(several[2:3], one)[0])


@pytest.mark.parametrize("share", [0, 1, -0.2, 20])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        top_overlap(torch.ones(2, 2), torch.ones(2, 2), share)
