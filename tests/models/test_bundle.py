"""Bundled networks are made by name: each has its recipe, data set and attention; others are refused."""

import re
from dataclasses import replace

import pytest
import torch

from memsim import models
from memsim.models.datasets.dataset import Dataset
from memsim.models.parts.relatives import KINDS
from memsim.models.registry import NETWORK
from memsim.models.tensor_file import read
from memsim.models.training import bundle as making
from memsim.models.training.bundle import EVENTS, HARDENED, RESNETS, SHORT_EPOCHS, SHORT_KINDS, bundle, names
from memsim.models.training.recipe import RECIPES, Recipe

FEW = 32
"""Images of each part in the small trainings here."""


def few(name: str, folder: str = "data") -> Dataset:
    """The first digits, under another data set's name and size where that is asked for."""
    digits = models.datasets.load("digits")
    parts = {
        f"{a}_{part}": getattr(digits, f"{a}_{part}")[:FEW] for a in "xy" for part in ("train", "val", "test")
    }
    if name != "digits":
        for part in ("x_train", "x_val", "x_test"):
            parts[part] = torch.nn.functional.interpolate(parts[part], size=(28, 28))
    return Dataset(name=name, classes=digits.classes, **parts)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recipe]:
    """One epoch on few images; "fashion-mnist" is told apart by its epochs."""
    recipes = {"digits": Recipe(epochs=1, batch=16), "fashion-mnist": Recipe(epochs=2, batch=16, half=True)}
    monkeypatch.setattr(making, "RECIPES", recipes)
    monkeypatch.setattr(making, "load_data", few)
    return recipes


def test_names_are_every_network_once_and_stdp_first():
    found = names()
    assert len(found) == len(set(found))
    assert found[: len(NETWORK)] == list(NETWORK.values())
    assert {f"s2tdpt-digits-{kind}" for kind in KINDS if kind != "stdp"} <= set(found)
    assert all(f"{NETWORK[data]}-short-{kind}" in found for data in SHORT_EPOCHS for kind in SHORT_KINDS)
    assert {name for name in models.names() if "digits" in name} <= set(found)
    assert set(NETWORK) <= set(RECIPES)


@pytest.mark.parametrize(
    "name", [name for name in names() if "-tuned-" not in name and name not in (*HARDENED, *RESNETS, *EVENTS)]
)
def test_a_name_says_network_recipe_and_attention(name, monkeypatch, tmp_path):
    """Nothing is trained here: what would be is looked at."""
    asked = {}

    def look(dataset, config, **options):
        asked.update(options, dataset=dataset.name, config=config)
        raise InterruptedError

    moments = type("Moments", (), {"mean": torch.full((2, 4), 0.4), "spread": torch.full((2, 4), 0.1)})
    loaded = []
    monkeypatch.setattr(making, "train", look)
    monkeypatch.setattr(making, "load_data", few)
    monkeypatch.setattr(making, "load", loaded.append)
    monkeypatch.setattr(making, "attention_statistics", lambda net, images: moments)
    with pytest.raises(InterruptedError):
        bundle(name, seed=5, folder=tmp_path)
    base = "s2tdpt-fashion" if "fashion" in name else "s2tdpt-digits"
    kind = re.sub(r"^s2tdpt-(digits|fashion)-?(short-)?", "", name) or "stdp"
    recipe = RECIPES["fashion-mnist" if base == "s2tdpt-fashion" else "digits"]
    assert NETWORK[asked["dataset"]] == base and asked["config"].attention == kind and asked["seed"] == 5
    assert asked["recipe"].epochs == (SHORT_EPOCHS[asked["dataset"]] if "-short" in name else recipe.epochs)
    assert asked["recipe"].model_copy(update={"epochs": recipe.epochs}) == recipe
    assert asked["state"] == tmp_path / f"{name}.state"
    matched = kind in ("random", "uniform-matched")
    alike = f"{base}-short-stdp" if "-short" in name else base
    assert loaded == ([tmp_path / f"{alike}.safetensors"] if matched else [])
    assert (asked["config"].attention_mean is not None) == matched


@pytest.mark.parametrize(
    "name", ["s2tdpt-fish", "s2tdpt-digits-stdp", "s2tdpt-digits-short-dot", "digits", ""]
)
def test_other_names_are_refused(name, tmp_path):
    with pytest.raises(
        ValueError, match=f"name = '{name}': no such bundled network; there are s2tdpt-digits, "
    ):
        bundle(name, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_is_matched_to_the_network_in_the_folder(small, tmp_path):
    told = []
    path = bundle("s2tdpt-digits", folder=tmp_path, progress=told.append)
    assert path == tmp_path / "s2tdpt-digits.safetensors" and len(told) == 1
    stdp = models.load(path)
    assert stdp.config.attention == "stdp" and stdp.record["images"] == {
        "train": FEW,
        "val": FEW,
        "test": FEW,
    }
    matched = models.load(bundle("s2tdpt-digits-uniform-matched", folder=tmp_path))
    wanted = models.attention_statistics(stdp, few("digits").x_train).mean
    torch.testing.assert_close(torch.tensor(matched.config.attention_mean).double(), wanted)
    assert {file.name for file in tmp_path.iterdir()} == {
        "s2tdpt-digits.safetensors", "s2tdpt-digits-uniform-matched.safetensors"
    }  # fmt: skip


def test_a_matched_relative_without_its_network_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match=r"s2tdpt-digits.safetensors does not exist"):
        bundle("s2tdpt-digits-random", folder=tmp_path)


@pytest.mark.slow
def test_a_short_relative_is_trained_shortly_and_stored_small(small, tmp_path):
    net = models.load(bundle("s2tdpt-fashion-short-dot", folder=tmp_path))
    assert len(net.record["epochs"]) == SHORT_EPOCHS["fashion-mnist"] == 1
    assert net.config.attention == "dot" and net.record["recipe"]["half"]
    assert torch.equal(net.head.weight, net.head.weight.half().float())


def test_a_tuned_network_goes_on_from_the_one_in_the_folder(small, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(making, "load", lambda path: path)
    monkeypatch.setattr(making, "save", lambda net, path: path)
    monkeypatch.setattr(
        making, "tune", lambda net, dataset, card, **_: asked.append((net, card.attention.cell))
    )
    cells = ("reram-om", "ecram-li")  # one that is bundled, one that is not
    for cell in cells:
        assert bundle(f"s2tdpt-digits-tuned-{cell}", folder=tmp_path).stem == f"s2tdpt-digits-tuned-{cell}"
    start = tmp_path / "s2tdpt-digits.safetensors"
    assert asked == [(start, cell) for cell in cells]


def many(name: str) -> Dataset:
    """A data set of 50,000 black training images, other parts as in `few`."""
    start = few(name)
    x = torch.zeros(1, *start.x_train.shape[1:]).expand(50000, -1, -1, -1)
    return replace(start, x_train=x, y_train=torch.zeros(50000, dtype=torch.int64))


@pytest.mark.parametrize("name", HARDENED)
def test_a_hardened_network_goes_on_from_the_one_in_the_folder_as_its_record_says(
    name, monkeypatch, tmp_path
):
    asked, record = [], models.load(name).record
    monkeypatch.setattr(making, "load", lambda path: path)
    monkeypatch.setattr(making, "save", lambda net, path: path)
    monkeypatch.setattr(making, "load_data", lambda key, folder: many(key))
    monkeypatch.setattr(making, "harden", lambda *given, **how: asked.append((*given, how)) or len(asked))
    monkeypatch.setattr(making, "average", lambda nets, dataset: asked.append(nets))
    bundle(name, folder=tmp_path)
    start, seeds, part = HARDENED[name]
    assert asked.pop() == list(range(1, len(seeds) + 1))
    assert tuple(how["seed"] for *_, how in asked) == seeds == tuple(record.get("seeds", [record["seed"]]))
    for net, dataset, card, how in asked:
        assert (net, dataset.name, card) == (tmp_path / f"{start}.safetensors", record["dataset"], "default")
        assert len(dataset.x_train) == len(dataset.y_train) == (part.images or 50000)
        assert part.images in (None, record["images"]["train"])
        assert list(how["times"]) == record["hardened"]["times [s]"]
        assert how["recipe"] == Recipe(**record["recipe"])  # fields that came later at their defaults


@pytest.mark.parametrize("name", RESNETS)
def test_a_residual_network_is_trained_as_its_record_says(name, monkeypatch, tmp_path):
    asked, record = [], models.load(name).record

    def look(dataset, config, **how):
        asked.append((dataset, config, how))
        raise InterruptedError

    monkeypatch.setattr(making, "load_data", lambda key, folder: many(key))
    monkeypatch.setattr(making, "train", look)
    with pytest.raises(InterruptedError):
        bundle(name, folder=tmp_path)
    ((dataset, config, how),) = asked
    assert dataset.name == record["dataset"] and len(dataset.x_train) == record["images"]["train"]
    assert config == models.load(name).config
    assert how["seed"] == record["seed"] and how["recipe"] == Recipe(**record["recipe"])


def test_a_network_tuned_for_no_cell_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match="no cell is called 'rust-om'"):
        bundle("s2tdpt-digits-tuned-rust-om", folder=tmp_path)


def test_a_file_is_rewritten_with_the_same_weights_and_a_digest(tmp_path):
    old = models.registry.BUNDLED / "s2tdpt-digits.safetensors"
    (tmp_path / old.name).write_bytes(old.read_bytes())
    path = making.rewrite("s2tdpt-digits", tmp_path)
    before, after = models.load("s2tdpt-digits"), models.load(path)
    assert all(torch.equal(t, after.state_dict()[name]) for name, t in before.state_dict().items())
    assert torch.equal(before.calibration_images, after.calibration_images)
    header, record = read(path)[1], before.record
    assert header["architecture"] == "s2tdpt" and header["record"] == record


def test_main_trains_what_is_named_and_says_how_it_came_out(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(making, "bundle", lambda name, **_: models.registry.BUNDLED / f"{name}.safetensors")
    making.main(["s2tdpt-digits"])
    assert re.fullmatch(r"s2tdpt-digits: test 0\.\d{4} in [\d.]+ s\n", capsys.readouterr().out)
