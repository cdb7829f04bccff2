"""Batch norms in the conductances and biases in rows of the array: the same numbers, other devices."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim import CardError, ChipCard, models
from memsim.mapping.batches import Batch
from memsim.mapping.folding import fold_norms
from memsim.models.datasets.catalog import load
from tests.memsim.test_coding import CODINGS, ideal

DRAW = torch.Generator().manual_seed(8)
X = torch.rand(5, 2, 6, 6, generator=DRAW)
DEFAULT = ChipCard.load("default")


class Net(nn.Module):
    """Convolutions with groups and without, a transposed one and a linear layer over tokens, each with a
    batch norm; one norm that follows a ReLU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, groups=2, bias=False), nn.BatchNorm2d(6))
        self.second = nn.Sequential(nn.ReLU(), nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.up = nn.Sequential(nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6), nn.ReLU())
        self.tokens, self.norm = nn.Linear(6, 8), nn.BatchNorm1d(8, affine=False)
        self.late = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.up(self.second(self.first(x))).flatten(2).transpose(1, 2)
        out = self.tokens(tokens)
        out = self.norm(out.flatten(0, 1)).view_as(out)
        return self.head(self.late(torch.relu(out).transpose(1, 2)).mean(-1))


def net(kind: type[nn.Module] = Net) -> nn.Module:
    """A network whose batch norms do something."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = kind()
        for module in made.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.normal_()
                module.running_var.uniform_(0.2, 3)
                if module.affine:
                    nn.init.normal_(module.weight)
                    nn.init.normal_(module.bias)
    return made.eval()


def chip(card: ChipCard, of: nn.Module, **options: Any) -> memsim.Chip:
    """Programmed chips."""
    return memsim.to_crossbar(of, card, chips=2, calibration=X, **options).program()


@torch.no_grad()
def test_norms_fold_into_the_layer_they_follow_and_no_other():
    plain = net()
    folded = copy.deepcopy(plain)
    found = fold_norms(folded, Batch((X,), {}, 0))
    assert found.layers == {"first.1": "first.0", "second.2": "second.1", "up.1": "up.0", "norm": "tokens"}
    assert found.left == {"late": "no layer of an array gives what it takes"}
    assert torch.allclose(plain(X), folded(X), atol=1e-5)
    assert isinstance(folded.get_submodule("second.2"), nn.Identity)
    assert plain.get_submodule("first.0").bias is None
    assert folded.get_submodule("first.0").bias is not None


class Aside(nn.Module):
    """A layer whose output is used beside its norm, and one whose weight two layers share."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Linear(72, 5), nn.BatchNorm1d(5)
        self.two, self.other = nn.Linear(5, 5), nn.BatchNorm1d(5)
        self.three, self.last = nn.Linear(5, 5), nn.BatchNorm1d(5)
        self.four = nn.Linear(5, 5)
        self.four.weight = self.three.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x.flatten(1))
        z = self.other(self.two(y + self.norm(y)))
        return self.four(self.last(self.three(z)))


@torch.no_grad()
def test_a_norm_stays_where_folding_would_change_the_network():
    plain = net(Aside)
    folded = copy.deepcopy(plain)
    found = fold_norms(folded, Batch((X,), {}, 0))
    assert found.layers == {"other": "two"}
    assert found.left == {
        "last": "no layer of an array gives what it takes",
        "norm": "outputs of the network would change",
    }
    assert torch.allclose(plain(X), folded(X), atol=1e-5)


@pytest.mark.parametrize("key", CODINGS)
@pytest.mark.parametrize(
    "weights", [{"batch_norm": "folded"}, {"bias_rows": 3}, {"batch_norm": "folded", "bias_rows": 1}]
)
@torch.no_grad()
def test_ideal_cells_are_the_digital_network(key, weights):
    plain = net().double()
    card = ideal(coding=CODINGS[key], scaling="layer", tile_rows=7, tile_columns=5, **weights)
    made = chip(card, plain)
    assert float((made(X.double()) - plain(X.double())).abs().max()) < 1e-10
    assert float((made(X.double() - 0.5) - plain(X.double() - 0.5)).abs().max()) < 1e-10


@torch.no_grad()
def test_biases_in_rows_are_driven_by_every_vector_and_take_no_addition():
    layer = nn.Sequential(nn.Linear(6, 4))
    spikes = torch.zeros(2, 6)
    spikes[0, :3] = 1
    found = {}
    for rows in (0, 2):
        card = DEFAULT.replace(weights={"bias_rows": rows, "tile_rows": 4})
        made = memsim.to_crossbar(layer, card, chips=1, calibration=spikes).program()
        made.ledger.clear()
        assert torch.allclose(made(spikes)[0], layer(spikes), atol=0.4)
        found[rows] = {event: number for (_, event), number in made.ledger.counts.items()}
        reason = made.mapping[0].reason
        assert reason == "6 x 4 devices in pairs" + (", biases in 2 rows more" if rows else "")
        assert made.mapping.share("parameters") == pytest.approx(1.0 if rows else 24 / 28)
    assert found[0]["row-drive"] == 3
    assert found[2]["row-drive"] == 3 + 2 * 2
    assert found[0]["digital-add"] == 2 * 4 * 2
    assert found[2]["digital-add"] == 2 * 4
    array = made.weight_arrays["0"]
    plus, minus = array.conductance()[0].double()
    held = (plus - minus)[6:] / array.scale_C * 2
    assert torch.allclose(held, layer[0].bias.double().expand(2, 4), atol=0.2)


@torch.no_grad()
def test_another_bias_than_the_arrays_is_added_digitally():
    """Two layers of one weight and two biases: the second leaves the first one's rows undriven."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(5, 5), nn.Linear(5, 5)
            self.two.weight = self.one.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.one(x))

    plain, x = Tied().double().eval(), torch.rand(3, 5).double()
    made = memsim.to_crossbar(plain, ideal(bias_rows=2), chips=2, calibration=x).program()
    assert torch.allclose(made(x)[0], plain(x), atol=1e-12)


@torch.no_grad()
def test_folded_norms_cost_no_multiplication_and_widen_what_columns_hold():
    plain, macs, spread = net(), {}, {}
    for norm in ("digital", "folded"):
        made = chip(DEFAULT.replace(weights={"batch_norm": norm, "scaling": "layer"}), plain)
        made.ledger.clear()
        made(X)
        macs[norm] = sum(n for (_, event), n in made.ledger.counts.items() if event == "digital-mac")
        peak = made.weight_arrays["second.1"].goal().abs().amax((0, 1))
        spread[norm] = float(peak.max() / peak.min())
    assert macs["folded"] < macs["digital"]
    assert spread["folded"] > 1.5 * spread["digital"]
    notes = str(made.mapping)
    assert "norm is folded into tokens" in notes
    assert "late stays digital: no layer of an array gives what it takes" in notes


@torch.no_grad()
def test_a_spiking_network_of_ours_folds_whole_and_is_saved(tmp_path):
    s2tdpt = models.load("s2tdpt-digits")
    images = load("digits").x_test[:4]
    card = DEFAULT.replace(weights={"batch_norm": "folded", "scaling": "layer", "bias_rows": 1})
    made = memsim.to_crossbar(s2tdpt, card, chips=2).program()
    assert made.mapped.folded.left == {}
    before = made(images, image=range(4))
    loaded = memsim.Chip.load(made.save(tmp_path / "chip.safetensors"), s2tdpt)
    assert torch.equal(loaded(images, image=range(4)), before)
    assert torch.equal(copy.deepcopy(made)(images, image=range(4)), before)
    exact = ideal(batch_norm="folded", scaling="layer", bias_rows=1)
    again = memsim.to_crossbar(s2tdpt, exact, chips=1).program()
    assert torch.allclose(again(images)[0], copy.deepcopy(s2tdpt).double()(images.double()), atol=1e-9)


def test_what_has_no_effect_or_cannot_be_is_refused_by_name():
    with pytest.raises(CardError, match=r'batch_norm has no effect: .* take scaling = "layer"'):
        DEFAULT.replace(weights={"batch_norm": "folded"})
    with pytest.raises(CardError, match=r"bias_rows = 65: .*less than or equal to 64"):
        DEFAULT.replace(weights={"bias_rows": 65})
    folded = DEFAULT.replace(weights={"batch_norm": "folded", "scaling": "layer"})
    with pytest.raises(ValueError, match=r'batch_norm = "folded": .* pass calibration='):
        memsim.to_crossbar(net(), folded)
    made = chip(folded, net())
    with pytest.raises(ValueError, match=r"batch_norm = \"folded\": norms are in the conductances"):
        made.recalibrate(X)
    with pytest.raises(ValueError, match=r"weights.batch_norm = 'folded' has no gradients; train with"):
        made.train()
    with pytest.raises(ValueError, match=r"weights.bias_rows = 1 has no gradients"):
        chip(DEFAULT.replace(weights={"bias_rows": 1}), net()).train()
    bare = nn.Sequential(nn.Flatten(), nn.Linear(72, 3, bias=False))
    with pytest.raises(
        ValueError, match=r"weights.bias_rows = 1: no layer of this network has a bias .* take 0"
    ):
        chip(DEFAULT.replace(weights={"bias_rows": 1}), bare)
    with pytest.raises(
        ValueError, match=r"this network has no batch norm that folds .*it has none.* \"digital\""
    ):
        chip(folded, bare)
    with pytest.raises(ValueError, match=r"engine aihwkit: weights.bias_rows = 1; .* take 0"):
        chip(DEFAULT.replace(weights={"bias_rows": 1}), net(), engine="aihwkit")
