"""The study of kinds finds further seeds in the data folder, and its intervals are over them."""

import shutil
from pathlib import Path

import pytest

import memsim
from memsim.models.registry import BUNDLED
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.library import kinds

CARD = dump(memsim.ChipCard.load("default"))


def at(kind: str, seed: int, digital: float, *right: float, time: float = 1.0) -> Point:
    labels = {"attention": kind, "seed": seed, "time [s]": time, kinds.RECORD: digital}
    total = {"images": 100, "energy [J]": 2e-6 * (1 + seed), "pulses": 100.0 * seed, "area [m2]": 1e-7}
    return Point(labels=labels, chips=[0, 1], per_chip={"accuracy [1]": list(right)}, total=total)


POINTS = [
    at("stdp", 0, 0.80, 0.7, 0.8),
    at("stdp", 1, 0.82, 0.6, 0.8),
    at("dot", 0, 0.83, 0.7, 0.7),
    at("dot", 1, 0.85, 0.6, 0.7),
    at("dot", 2, 0.99, 0.9, 0.9),
    at("sdsa", 1, 0.81, 0.5, 0.7),
]


def test_changes_are_taken_seed_by_seed() -> None:
    """Dot: +3.00 points for both seeds that STDP has; on chips 70 and 65 against 75 and 70."""
    tables = kinds.tables(POINTS)
    assert [row[:2] for row in tables["kinds"].rows] == [["stdp", "2"], ["dot", "3"], ["sdsa", "1"]]
    assert tables["kinds"].rows[0][2].startswith("81.00 [68.29, 93.71]")
    assert tables["kinds"].rows[2][2:] == ["81.00", "60.00 [0.00, 100.00]"], "one seed: over its two chips"
    dot, sdsa = tables["against-stdp"].rows
    assert dot[0] == "dot" and dot[1].startswith("+3.00") and dot[2].startswith("−5.00")
    assert sdsa[1] == "−1.00" and sdsa[2].startswith("−10.00")


def test_what_an_image_costs_is_the_mean_over_seeds() -> None:
    costs = kinds.tables(POINTS)["costs"]
    assert costs.header == ["attention", "energy [µJ]", "attention pulses", "area [mm²]"]
    assert costs.rows[:2] == [["stdp", "3.00", "50", "0.100"], ["dot", "4.00", "100", "0.100"]]


def test_dot_products_are_written_in_both_orders() -> None:
    card = memsim.ChipCard.load("default")
    orders = {label: one.attention.order for label, one in kinds.written("dot", card)}
    assert orders == {"dot": "digital", "dot (hebbian order)": "hebbian", "dot (score order)": "score"}
    assert [label for label, _ in kinds.written("stdp", card)] == ["stdp"]


def test_what_is_sure_is_said() -> None:
    digitally = kinds.findings([*POINTS, at("dot", 3, 0.9, 0.9, 0.9), at("stdp", 3, 0.869, 0.9, 0.9)])[0]
    assert digitally.startswith("Digitally, dot attention is better than STDP attention: +3.03 [")
    assert digitally.endswith("points over 3 training seeds.")
    unsure = kinds.findings(
        [at("stdp", 0, 0.8, 0.7, 0.8), at("stdp", 1, 0.8, 0.7, 0.8), at("dot", 0, 0.9, 0.7, 0.8),
         at("dot", 1, 0.7, 0.7, 0.8)]
    )  # fmt: skip
    assert unsure[0].startswith(
        "Digitally, dot attention is not significantly different from STDP attention: 0.00 ["
    )


def test_seeds_beyond_the_bundled_one_lie_in_the_data_folder(tmp_path: Path) -> None:
    shutil.copy(
        BUNDLED / "s2tdpt-fashion-short-dot.safetensors", tmp_path / "s2tdpt-fashion-short-dot-2.safetensors"
    )
    found = list(kinds.networks(Setting(model="s2tdpt-fashion", card=CARD, data=str(tmp_path))))
    assert found[:2] == [(kinds.WHOLE, 0, "s2tdpt-fashion"), ("stdp", 0, "s2tdpt-fashion-short-stdp")]
    assert found[-1] == ("dot", 2, str(tmp_path / "s2tdpt-fashion-short-dot-2.safetensors"))
    assert [kind for kind, _, _ in found].count("dot") == 2


def test_a_network_without_relatives_is_refused() -> None:
    with pytest.raises(ValueError, match="no networks trained like 'vit-cifar10' are bundled"):
        list(kinds.tasks(Setting(model="vit-cifar10", card=CARD)))
