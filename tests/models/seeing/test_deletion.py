"""Deletion and insertion against networks whose answer is the sum of known places."""

import pytest
import torch
from torch import nn

from memsim.models.seeing.deletion import curves, order
from memsim.models.seeing.view import digital


class Corner(nn.Module):
    """Class 1 in proportion to the light in the upper left quarter of an 8 x 8 picture."""

    def forward(self, x):
        light = x[:, 0, :4, :4].mean((1, 2))
        return torch.stack([torch.zeros_like(light), 4 * light], 1)


def run(maps, images=None, **how):
    x = torch.ones(len(maps), 1, 8, 8) if images is None else images
    return curves(digital(Corner()), x, maps, torch.ones(len(maps), dtype=torch.long), **how)


def test_a_right_map_takes_the_answer_at_once_and_a_wrong_one_last():
    right = torch.zeros(1, 2, 2)
    right[0, 0, 0] = 1
    good, bad = run(right, steps=4, fill=0.0), run(-right, steps=4, fill=0.0)
    sure, none = float(torch.tensor(4.0).sigmoid()), 0.5
    assert good.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert good.deletion[0, 0].tolist() == pytest.approx([sure, none, none, none, none])
    assert good.insertion[0, 0].tolist() == pytest.approx([none, sure, sure, sure, sure])
    assert bad.deletion[0, 0].tolist() == pytest.approx([sure, sure, sure, sure, none])
    down, up = good.areas
    assert float(down) == pytest.approx(0.25 * (sure + none) / 2 + 0.75 * none)
    assert float(up) == pytest.approx(0.25 * (sure + none) / 2 + 0.75 * sure)


def test_erasing_nothing_and_everything_are_the_ends():
    found = run(torch.rand(3, 4, 4), fill=0.0)
    assert torch.allclose(found.deletion[..., 0], found.insertion[..., -1])
    assert torch.allclose(found.deletion[..., -1], found.insertion[..., 0])


def test_a_map_alike_everywhere_is_a_random_order_of_each_image():
    flat = torch.ones(400, 2, 2)
    assert torch.equal(run(flat).deletion, run(7 * flat).deletion)
    first = order(flat, range(400))[:, 0]
    share = torch.bincount(first, minlength=4) / 400
    assert (share - 0.25).abs().max() < 4 * (0.25 * 0.75 / 400) ** 0.5
    sure = float(torch.tensor(4.0).sigmoid())
    mean = run(flat, steps=4, fill=0.0).deletion.mean((0, 1))
    expected = torch.tensor([sure + (0.5 - sure) * share for share in (0, 0.25, 0.5, 0.75, 1)])
    assert (mean - expected).abs().max() < 4 * (sure - 0.5) * 0.5 / 400**0.5


def test_an_image_alone_is_the_image_in_a_batch():
    x, maps = torch.rand(5, 1, 8, 8), torch.rand(5, 4, 4).round()
    whole = run(maps, x)
    alone = run(maps[3:4], x[3:4], names=[3])
    assert torch.equal(whole.deletion[:, 3:4], alone.deletion)


def test_an_erased_place_holds_the_mean_of_its_channel_unless_told_otherwise():
    x = torch.zeros(1, 1, 8, 8)
    x[..., 4:] = 1  # the corner is dark, the mean is 1/2
    found = run(torch.ones(1, 4, 4), x, steps=1)
    assert float(found.deletion[0, 0, 1]) == pytest.approx(float(torch.tensor(2.0).sigmoid()))


def test_frames_are_erased_in_every_step():
    class Late(nn.Module):
        def forward(self, x):  # (T, B, C, H, W)
            return Corner()(x[-1])

    x, right = torch.ones(2, 3, 1, 8, 8), torch.zeros(2, 2, 2)
    right[:, 0, 0] = 1
    view = digital(Late(), batch_axis=1)
    found = curves(view, x, right, torch.ones(2, dtype=torch.long), steps=4, fill=0.0)
    assert found.deletion[0, 1, 1:].tolist() == [0.5] * 4


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="steps = 0"):
        run(torch.ones(1, 2, 2), steps=0)
