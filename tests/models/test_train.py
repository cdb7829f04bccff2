"""Training learns, repeats itself, resumes with the same bits, and refuses what does not fit."""

from dataclasses import replace

import pytest
import torch

from memsim import models
from memsim.models.training.train import Recipe, train

SMALL = {"dim": 16, "layers": 1, "heads": 2, "steps": 2, "widths": (4, 8, 16), "pools": (False, True, True)}
CONFIG = models.configure("s2tdpt-digits", **SMALL)
RECIPE = Recipe(epochs=3, batch=32, warmup=1)


@pytest.fixture(scope="module")
def few() -> models.Dataset:
    d = models.datasets.load("digits")
    small = {f"{axis}_train": getattr(d, f"{axis}_train")[:200] for axis in "xy"}
    return replace(d, **small, x_test=d.x_test[:50], y_test=d.y_test[:50])


@pytest.fixture(scope="module")
def whole(few) -> models.S2TDPT:
    return train(few, CONFIG, seed=3, recipe=RECIPE)


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_training_lowers_the_loss_and_keeps_a_record(whole):
    record = whole.record
    losses = [row["loss"] for row in record["epochs"]]
    assert len(losses) == 3 and losses[-1] < losses[0] - 0.1
    assert record["seed"] == 3 and record["recipe"]["batch"] == 32 and record["dataset"] == "digits"
    assert record["images"] == {"train": 200, "val": 180, "test": 50}
    assert record["wall_time [s]"] > 0 and 0 <= record["test_accuracy"] <= 1 and "torch" in record["versions"]
    assert not whole.training


def test_a_trained_network_keeps_training_images_to_calibrate_a_chip_with(few, whole):
    assert torch.equal(whole.calibration_images, few.x_train[:64])


class Stop(Exception):
    """Stands for the power cut."""


@pytest.mark.parametrize("epochs_done", [1, 2])
def test_resumed_training_ends_with_the_same_bits(epochs_done, few, whole, tmp_path):
    def cut(row):
        if row["epoch"] == epochs_done - 1:
            raise Stop

    state = tmp_path / "state.safetensors"
    with pytest.raises(Stop):
        train(few, CONFIG, seed=3, recipe=RECIPE, state=state, progress=cut)
    torch.rand(17)  # the global generator may stand anywhere
    seen = []
    again = train(
        few, CONFIG, seed=3, recipe=RECIPE, state=state, progress=lambda row: seen.append(row["epoch"])
    )
    assert seen == list(range(epochs_done, 3))
    assert equal(again, whole)
    assert again.record["test_accuracy"] == whole.record["test_accuracy"]


def test_another_seed_is_another_network_and_the_global_generator_is_left_alone(few, whole):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    other = train(few, CONFIG, seed=4, recipe=RECIPE.model_copy(update={"epochs": 1}))
    assert torch.equal(torch.get_rng_state(), before)
    assert not equal(other, whole)


def test_a_state_of_another_training_is_refused(few, tmp_path):
    state = tmp_path / "state.safetensors"
    short = RECIPE.model_copy(update={"epochs": 1})
    train(few, CONFIG, seed=3, recipe=short, state=state)
    with pytest.raises(ValueError, match="another training"):
        train(few, CONFIG, seed=4, recipe=short, state=state)
    state.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged"):
        train(few, CONFIG, seed=3, recipe=short, state=state)


def test_it_does_not_go_on_with_other_data(few, tmp_path):
    """Name and size are the same; one label is not."""
    state = tmp_path / "state.safetensors"
    short = RECIPE.model_copy(update={"epochs": 1})
    train(few, CONFIG, seed=3, recipe=short, state=state)
    labels = few.y_train.clone()
    labels[0] = (labels[0] + 1) % 10
    with pytest.raises(ValueError, match=r"the state of another training, with other data; use another"):
        train(replace(few, y_train=labels), CONFIG, seed=3, recipe=short, state=state)
    with pytest.raises(ValueError, match=r"it is the state of a training that has not ended, not a network"):
        models.load(state)


def plain() -> torch.nn.Module:
    """A perceptron of plain layers, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def test_any_module_is_trained_in_place_and_goes_on(few, tmp_path):
    """Through a forward of its own: noise that is named by the batch, so a stopped training is the same."""

    def noisy(net, seen):
        def forward(images, batch):
            seen.append(batch)
            noise = torch.randn(len(images), 10, generator=torch.Generator().manual_seed(batch))
            return net(images) + 0.1 * noise

        return forward

    def run(net, seen=None, state=None, stop=9, noise=1):
        def cut(row):
            if row["epoch"] == stop:
                raise Stop

        seen = [] if seen is None else seen
        options = {"recipe": RECIPE, "seed": 3, "notes": {"noise": noise}, "state": state, "progress": cut}
        return train(few, net, forward=noisy(net, seen), **options)

    whole, seen = plain(), []
    assert run(whole, seen) is whole and seen == list(range(21))
    assert whole.record["noise"] == 1 and not torch.equal(whole[1].weight, plain()[1].weight)
    state = tmp_path / "state.safetensors"
    with pytest.raises(Stop):
        run(plain(), state=state, stop=0)
    with pytest.raises(ValueError, match="with other notes"):
        run(plain(), state=state, noise=2)
    with pytest.raises(ValueError, match="with other network"):
        run(whole, state=state)
    assert equal(run(plain(), state=state), whole)


def test_the_default_forward_is_the_network(few, whole):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = models.build("s2tdpt-digits", **SMALL)
    assert equal(train(few, net, seed=3, recipe=RECIPE, forward=lambda images, _: net(images)), whole)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (torch.nn.Linear(64, 10), r"images \(1, 8, 8\) do not fit the network"),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)), r"it returns \(2, 3\)"),
        (torch.nn.Conv2d(1, 10, 8), r"must return logits \(B, 10\), for 2 images it returns \(2, 10, 1, 1\)"),
    ],
)
def test_a_module_that_gives_no_logits_is_refused(net, message, few):
    with pytest.raises(ValueError, match=message):
        train(few, net)


def test_data_that_does_not_fit_the_network_is_refused(few):
    with pytest.raises(ValueError, match=r"images \(1, 8, 8\) of 10 classes, the network takes \(3, 8, 8\)"):
        train(few, models.configure("s2tdpt-digits", in_shape=(3, 8, 8)))


def test_schedule_rises_then_falls_to_the_end():
    recipe = Recipe(epochs=20, warmup=5, learning_rate=1.0, final_rate=0.1)
    rates = [recipe.rate(epoch / 10) for epoch in range(200)]
    assert rates[0] < 0.01 and max(rates) == pytest.approx(1.0) and rates.index(max(rates)) == 50
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert recipe.rate(20) == pytest.approx(0.1)


def test_augmentation_is_mild_seeded_and_bounded():
    images = models.datasets.load("digits").x_train[:100]
    amount = models.Augmentation()

    def moved(seed):
        return amount(images, torch.Generator().manual_seed(seed))

    assert torch.equal(moved(0), moved(0)) and not torch.equal(moved(0), moved(1))
    assert float(moved(0).min()) >= 0 and float(moved(0).max()) <= 1
    alike = torch.nn.functional.cosine_similarity(moved(0).flatten(1), images.flatten(1))
    assert 0.85 < float(alike.mean()) < 0.999
    still = models.Augmentation(rotation=0, zoom=0, shift=0, noise=0)
    torch.testing.assert_close(still(images, torch.Generator()), images)


def test_mirror_and_shift_by_hand():
    """A dot in the corner of a 4 x 2 image: mirrored half of the time, never moved up or down."""
    image = torch.zeros(200, 1, 2, 4)
    image[:, 0, 0, 0] = 1
    mirror = models.Augmentation(rotation=0, zoom=0, shift=0, noise=0, mirror=True)
    moved = mirror(image, torch.Generator().manual_seed(0))
    assert float(moved[:, 0, 0, 0].sum() + moved[:, 0, 0, 3].sum()) == pytest.approx(200)
    assert 70 < float(moved[:, 0, 0, 3].sum()) < 130
