"""A chip on a GPU is the chip on the CPU: the same devices, addresses and integers, the same numbers but for
their last bits.

Each test holds torch forms on the CPU against its kernels, too, so that it is known to work before a GPU is
met; there nothing is compiled.  Alone, without what the other tests need:
python -m pytest -c /dev/null --noconftest tests/test_cuda.py
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.devices import get, stream
from memsim.devices.numerics import plain_philox
from memsim.devices.numerics.operation import plain
from memsim.devices.numerics.plain_philox import Rows
from memsim.models.training.recipe import Recipe

YEAR = 365.25 * 86400
with plain():  # nothing is compiled
    CARD = memsim.ChipCard.load("default")
    IDEAL = CARD.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    PAIRS = CARD.replace(attention={"cell": "pcm-nandakumar2018", "coding": "per-device", "row_gain": True})
    VERIFIED = CARD.replace(
        attention={"verify_rounds": 1, "devices_per_synapse": 2}, weights={"devices_per_weight": 2}
    )
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=GPU)])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the torch forms run, a GPU with products in full float32."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield request.param
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def reference(device: str) -> AbstractContextManager[None]:
    """What a device is held against: kernels where it is the CPU, else the CPU's torch forms."""
    return nullcontext() if device == "cpu" else plain()


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))


def cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, groups=2),
        nn.ReLU(), nn.Flatten(), nn.Linear(72, 10),
    ).eval()  # fmt: skip


def images(count: int = 16) -> Tensor:
    return models.datasets.load("digits-hard").x_test[:count]


def chip_of(net: nn.Module, card: memsim.ChipCard, chips: int = 2, calibration: int = 32) -> memsim.Chip:
    training = models.datasets.load("digits").x_train[:calibration]
    return memsim.to_crossbar(net, card, chips=chips, seed=3, calibration=training)


def close(found: Tensor, wanted: Tensor, share: float = 1e-5) -> None:
    """Alike within a share of the largest."""
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    torch.testing.assert_close(found.cpu(), wanted, rtol=0.0, atol=share * float(wanted.abs().max()))


def test_random_words_are_the_same_bits(device):
    rng, images, steps = stream(7, range(3), "a"), [5, 2**32 - 1], range(3)
    words = torch.tensor(images).numpy(), torch.tensor(steps).numpy()
    for first in (0, 700):
        here, there = (Rows.of(rng.keys, *words, 600, first, where) for where in ("cpu", device))
        for form in (plain_philox.words, plain_philox.uniforms, plain_philox.nearly_normals):
            assert torch.equal(form(there, 3).cpu(), form(here, 3)), form
    for draw in (rng.normal, rng.uniform):
        for dtype in (torch.float32, torch.float64):
            how = {"image": images, "step": steps, "first": 700, "dtype": dtype}
            with reference(device):
                wanted = draw((600,), **how)
            with plain():
                close(draw((600,), **how, device=device), wanted, 1e-6)


@pytest.mark.parametrize("name", ["reram-om", "pcm-nandakumar2018", "reram-es", "ecram-li"])
def test_pulsed_devices_are_the_same(name, device):
    cell, rng = get(name), stream(0, range(2))
    pulses = torch.full((2, 1, 3, 20, 33), cell.n_max // 2 + 0.5)
    how = {"rng": rng.child("noise"), "image": None, "step": range(3)}
    with reference(device):
        told, fabric = cell.describe(), cell.fabricate((20, 33), rng=rng.child("spread"))
        wanted = cell.rewrite(fabric, pulses, **how)
    with plain():
        found = cell.rewrite(fabric.to(device), pulses.to(device), **how)
    assert found.device.type == device
    torch.testing.assert_close(found.cpu(), wanted, rtol=0.0, atol=2e-6 * (told.high - told.low))


@pytest.mark.parametrize("card", [CARD, VERIFIED], ids=["one device", "two devices"])
def test_weights_are_programmed_aged_and_compensated_alike(card, device):
    """By a chip that is programmed and aged where it lies, and by one that moves between."""
    with reference(device):
        here = chip_of(cnn(), card).program().advance_to(YEAR)
    with plain():
        there = chip_of(cnn(), card).to(device).program().advance_to(YEAR)
        moved = chip_of(cnn(), card).program().to(device).advance_to(YEAR)
    for name, array in here.weight_arrays.items():
        with reference(device):
            devices = array.conductance()
        for other in (there.weight_arrays[name], moved.weight_arrays[name]):
            assert other.volt_SRC.device.type == device
            with plain():
                close(other.conductance(), devices, 1e-5)
            for key in ("volt_SRC", "power_SRC", "row_siemens_SR", "gain_SC"):
                close(getattr(other, key), getattr(array, key))
            for call, wanted in zip(other.ranges.calls, array.ranges.calls, strict=True):
                assert torch.equal(call.spikes_S.cpu(), wanted.spikes_S) and torch.equal(
                    call.signed_S.cpu(), wanted.signed_S
                )
                close(call.current_SK, wanted.current_SK, 1e-3)  # of numbers that went through converters


def same_work(found: memsim.Chip, wanted: memsim.Chip) -> None:
    assert found.ledger.counts.keys() == wanted.ledger.counts.keys()
    for key, number in wanted.ledger.counts.items():
        assert found.ledger.counts[key] == pytest.approx(number, rel=2e-2), key
    assert found.ledger.energy == pytest.approx(wanted.ledger.energy, rel=2e-2)


@pytest.mark.parametrize("make", [mlp, cnn])
@pytest.mark.parametrize("card", [IDEAL, CARD], ids=["ideal", "default"])
def test_a_network_answers_alike(make, card, device):
    with torch.no_grad():
        with reference(device):
            here = chip_of(make(), card).program()
            wanted = here(images())
        with plain():
            there = chip_of(make(), card).program().to(device)
            found = there(images().to(device))
        assert found.device.type == device
        close(found, wanted, 1e-10 if card is IDEAL else 2e-2)  # a last bit may turn a converter's code
        assert (found.cpu() - wanted).abs().median() <= 1e-5 * wanted.abs().max()
        same_work(there, here)
        if card is CARD:
            with plain():
                there.recalibrate(images(32).to(device))
                assert torch.isfinite(there(images().to(device))).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "card", [IDEAL, CARD, VERIFIED, PAIRS], ids=["ideal", "default", "verified", "pairs"]
)
def test_a_spiking_transformer_answers_alike(card, device):
    """In ideal devices to the last spike; else a last bit may turn a converter's code, and a spike."""
    x, exact = images(4), card is IDEAL
    with torch.no_grad():
        with reference(device):
            here = chip_of(models.load("s2tdpt-digits"), card, 1, 8).program()
            kept, wanted = here.record(x, image=range(4)), here(x, image=range(4))
        with plain():
            there = chip_of(models.load("s2tdpt-digits"), card, 1, 8).to(device).program()
            found, logits = there.record(x.to(device), image=range(4)), there(x.to(device), image=range(4))
    for name, spikes in kept.spikes.items():
        apart = float((found.spikes[name].cpu() != spikes).double().mean())
        assert apart <= (0 if exact else 5e-3), (name, apart)
    for name, weight in kept.attention.items():
        apart = (found.attention[name].cpu() - weight).abs()
        assert float(apart.median()) <= 1e-5 and float(apart.mean()) <= 1e-2, name
    close(logits, wanted, 1e-10 if exact else 0.1)
    assert torch.equal(logits.argmax(-1).cpu(), wanted.argmax(-1))
    same_work(there, here)


def test_attention_is_written_alike(device):
    """Spike counts are given, so that no converter stands between."""
    random = torch.Generator()
    with reference(device), torch.no_grad():
        here, there = (chip_of(models.load("s2tdpt-digits"), CARD, 2, 2).program() for _ in "ab")
        there.to(device)
    for name, array in here.attention_arrays.items():
        design = array.design
        count = torch.randint(0, design.levels, (2, 4, 3, 4, 16), generator=random).float()
        at = here.run.begin(3).address(name, 4)
        with reference(device):
            wanted = array.write(count, count.flip(-1), at)
        with plain():
            found = there.attention_arrays[name].write(count.to(device), count.flip(-1).to(device), at)
        for one, other in zip(found, wanted, strict=True):
            assert one.device.type == device
            close(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("make", [cnn, lambda: models.load("s2tdpt-digits")], ids=["cnn", "s2tdpt"])
def test_an_optimiser_step_on_a_chip_has_the_same_gradients(make, device):
    labels, found = models.datasets.load("digits-hard").y_test[:16], []
    for where, forms in (("cpu", reference(device)), (device, plain())):
        with forms:
            chip = chip_of(make(), CARD, 1, 16).to(where).train(times=(1.0, YEAR), seed=1)
            optimizer = torch.optim.AdamW(chip.parameters(), lr=1e-3)
            logits = chip(images().to(where), image=range(16))[0]
            nn.functional.cross_entropy(logits, labels.to(where)).backward()
            found.append([p.grad.detach().cpu().flatten() for p in chip.parameters() if p.grad is not None])
            before = [p.detach().clone() for p in chip.parameters()]
            optimizer.step()
            assert any(not torch.equal(a, b) for a, b in zip(before, chip.parameters(), strict=True))
            chip.eval().program()
            assert torch.isfinite(chip(images().to(where))).all()
    wanted, other = map(torch.cat, found)
    assert float((other - wanted).norm() / wanted.norm()) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["trained", "hardened"])
def test_training_runs(how, device):
    whole, recipe = models.datasets.load("digits"), Recipe(epochs=1, batch=16, warmup=0)
    keys = [f"{a}_{part}" for a in "xy" for part in ("train", "val", "test")]
    few = replace(whole, **{key: getattr(whole, key)[:48] for key in keys})
    with plain():
        if how == "hardened":
            net = models.harden(cnn(), few, CARD, recipe=recipe, device=device)
        else:
            net = models.train(few, models.configure("s2tdpt-digits"), recipe=recipe, device=device)
    assert {p.device.type for p in net.parameters()} == {device}
    assert net.record["epochs"][0]["loss"] > 0 and 0 <= net.record["test_accuracy"] <= 1


def test_a_chip_is_saved_from_where_it_lies(device, tmp_path):
    with plain(), torch.no_grad():
        chip = chip_of(cnn(), CARD).program().to(device).advance_to(86400.0)
        path = chip.save(tmp_path / "chip.safetensors")
        again = memsim.Chip.load(path, cnn(), calibration=models.datasets.load("digits").x_train[:32])
        answers = [one(images().to(device), image=range(16)).cpu() for one in (again.to(device), chip)]
    close(*answers)
