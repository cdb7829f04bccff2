"""The bundled networks are as their records say; the table of attention's worth compares them in pairs."""

import pytest

from memsim import models
from memsim.models.measures import accuracy, predict
from memsim.models.parts.relatives import KINDS
from memsim.models.training.exchange import EXCHANGES

pytestmark = pytest.mark.slow  # 450 digits and their harder set through every form of attention


@pytest.fixture(scope="module")
def table() -> list[dict]:
    return models.worth_of_attention()


def pick(table: list[dict], attention: str, how: str, dataset: str) -> dict:
    (row,) = [r for r in table if (r["attention"], r["how"], r["dataset"]) == (attention, how, dataset)]
    return row


def test_the_table_is_complete(table):
    found = [(row["attention"], row["how"]) for row in table if row["dataset"] == "digits"]
    assert found == [(kind, "trained") for kind in KINDS] + [(kind, "exchanged") for kind in EXCHANGES]
    assert len(table) == 2 * len(found)
    assert all(row["low"] <= row["accuracy"] <= row["high"] and row["images"] == 450 for row in table)


def test_the_bundled_network_reads_digits(table):
    assert pick(table, "stdp", "trained", "digits")["accuracy"] >= 0.985
    assert 0.9 < pick(table, "stdp", "trained", "digits-hard")["accuracy"] < 0.985, "a few per cent of errors"


def test_paired_counts_agree_with_the_accuracies(table):
    for row in table:
        stdp = pick(table, "stdp", "trained", row["dataset"])
        difference = row["only_this"] - row["only_stdp"]
        assert difference == round(450 * (row["accuracy"] - stdp["accuracy"]))
    assert pick(table, "stdp", "trained", "digits")["only_this"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_records_are_true(kind):
    """Trained alike: same data, seed and recipe; the accuracies written down are those of the network."""
    net = models.load("s2tdpt-digits" if kind == "stdp" else f"s2tdpt-digits-{kind}")
    record, stdp = net.record, models.load("s2tdpt-digits").record
    assert [record[key] for key in ("dataset", "images", "seed", "recipe")] == [
        stdp[key] for key in ("dataset", "images", "seed", "recipe")
    ]
    digits = models.datasets.load("digits")
    assert models.Recipe(**record["recipe"]) == models.Recipe()
    assert record["test_accuracy"] == pytest.approx(
        accuracy(predict(net, digits.x_test), digits.y_test), abs=1.5 / 450
    )
    assert record["val_accuracy"] == pytest.approx(
        accuracy(predict(net, digits.x_val), digits.y_val), abs=1.5 / 180
    )


@pytest.mark.parametrize("kind", ["random", "uniform-matched"])
def test_matched_relatives_have_the_moments_of_the_stdp_network(kind):
    own = models.load(f"s2tdpt-digits-{kind}")
    found = models.attention_statistics(models.load("s2tdpt-digits"), models.datasets.load("digits").x_train)
    for name, values in (("attention_mean", found.mean), ("attention_spread", found.spread)):
        assert pytest.approx(values.flatten().tolist(), rel=1e-3) == [
            v for row in getattr(own.config, name) for v in row
        ]
