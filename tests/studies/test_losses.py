"""The table of losses asks every question once: each cell, each effect alone on and alone off."""

from memsim import ChipCard
from studies.losses import variants


def test_every_effect_stands_alone_on_and_alone_off():
    card = ChipCard.load("default")
    runs = list(variants(card))
    names = {group: [name for g, name, _ in runs if g == group] for group, _, _ in runs}
    assert names["alone off"] == list(card.effects)
    assert names["alone on"] == [*card.effects, "none"]
    assert {"ecram-li", "reram-es", "pcm-nandakumar2020", "ideal"} <= set(names["attention cell"])
    for group, name, variant in runs:
        if group == "alone off":
            assert variant.off == {name}
        if group == "alone on":
            assert set(card.effects) - variant.off == {name} - {"none"}
    assert [v.ideal for g, _, v in runs if g == "both cells"] == [True]
