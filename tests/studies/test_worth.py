"""The table of attention's worth keeps every number beside its network and test set."""

import pytest

from memsim.studies.evaluation.worth import worth
from memsim.studies.reports.worth_table import worth_table


def row(attention: str, how: str, dataset: str, accuracy: float) -> dict:
    return {
        "attention": attention, "how": how, "dataset": dataset, "accuracy": accuracy, "low": accuracy - 0.01,
        "high": accuracy + 0.01, "cross_entropy": 1 - accuracy, "only_this": 3, "only_stdp": 5,
    }  # fmt: skip


def test_a_line_for_each_network_and_columns_for_each_set():
    rows = [
        row(kind, how, name, accuracy)
        for name, base in (("digits", 0.9), ("digits-hard", 0.8))
        for kind, how, accuracy in (("stdp", "trained", base), ("dot", "exchanged", base - 0.1))
    ]
    header, lines = worth_table(rows)
    assert len(header) == 2 + 2 * 2 + 1
    assert [line[0] for line in lines] == ["stdp", "dot"]
    assert lines[0][2:6] == ["90.00 [89.00, 91.00]", "0.1000", "80.00 [79.00, 81.00]", "0.2000"]
    assert lines[1][2].startswith("80.00") and lines[1][4].startswith("70.00")
    assert all(line[-1] == "3 / 5" and len(line) == len(header) for line in lines)


def test_a_network_without_relatives_is_refused():
    with pytest.raises(ValueError, match="not bundled"):
        worth("s2tdpt-9-9")


@pytest.mark.slow
def test_the_bundled_table_is_whole():
    """Six kinds trained alike, six exchanges, two test sets; the network itself solves the plain set."""
    rows = worth("s2tdpt-digits")
    assert len(rows) == 2 * (6 + 6)
    assert len({(r["attention"], r["how"], r["dataset"]) for r in rows}) == 24
    assert rows[0]["attention"] == "stdp" and rows[0]["accuracy"] >= 0.985
