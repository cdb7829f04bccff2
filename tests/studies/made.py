"""A comparison made up for the tests: every key the public summary has, numbers chosen by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np

import memsim
from memsim.energy import estimate
from memsim.energy.break_even import Balance
from memsim.models.networks import s2tdpt_counts as counts
from memsim.models.registry import configure
from memsim.studies.evaluation.setting import Setting, dump

LAYERS = ("patches.stages.0.lif", "blocks.0.attention.lif", "blocks.0.mlp.lif1")


def accuracies(mean: float, *, spread: float = 0.002, chips: int = 4) -> dict[str, Any]:
    per_chip = (mean + spread * np.linspace(-1, 1, chips)).tolist() if chips > 1 else [mean]
    return interval(mean, spread) | {"per_chip": per_chip}


def interval(mean: float, spread: float) -> dict[str, Any]:
    """An interval on these images, and one twice as wide over chips and images."""
    task = {"low": mean - 2 * spread, "high": mean + 2 * spread}
    return {"mean": mean, "low": mean - spread, "high": mean + spread, "task": task}


def one_set(digital: float, crossbar: float, agreement: float) -> dict[str, Any]:
    return {
        "digital": {
            "accuracy": digital,
            "low": digital - 0.01,
            "high": min(digital + 0.01, 1.0),
            "images": 450,
            "cross_entropy": 0.1,
            "margin": 4.0,
        },
        "crossbar": {
            "accuracy": accuracies(crossbar),
            "change": interval(crossbar - digital, 0.002),
            "cross_entropy": 0.13,
            "margin": 3.8,
        },
        "agreement": agreement,
    }


def summary() -> dict[str, Any]:
    rate = {layer: 0.1 * (i + 1) for i, layer in enumerate(LAYERS)}
    return one_set(0.995, 0.990, 0.991) | {
        "model": "s2tdpt-digits",
        "dataset": "digits",
        "engine": "memsim",
        "images": 450,
        "seed": 0,
        "chips": 4,
        "card": "default",
        "weights": "pcm-joshi2020",
        "attention_cell": "reram-om",
        "off": ["adc"],
        "time_after_write [s]": 86400.0,
        "harder (digits-hard)": one_set(0.93, 0.929, 0.95),
        "latency [s/image]": 3.2e-4,
        "area [m2]": {"ADC": 7e-8, "weight cells": 3e-8},
        "energy": {"digital_sop": 3e-6, "digital_sop_integer": 1.67e-7, "crossbar": 4e-7},
        "breakdown": {"ADC": 3e-7, "neurons": 1e-7},
        "spike_rate": rate,
        "spike_rate_crossbar": {layer: 0.9 * share for layer, share in rate.items()},
        "spike_mismatch": {layer: 0.5 * share for layer, share in rate.items()},
        "kappa": {"patches.encoder": 0.004, "blocks.0.mlp.fc1.linear": 3.3, "blocks.0.attention.core": 0.5},
        "attention": {
            "writes_per_image": 4096.0,
            "pulses_per_image": 30000.0,
            "silent_tie_pulses_per_image": 6000.0,
            "silent_pulses_per_image": 9900.0,
            "cycles_per_image": 8.0,
            "silent_cycles_per_image": 1.6,
        },
        "utilisation": {"patches.encoder": 0.0044},
    }


def sample() -> dict[str, Any]:
    rng = np.random.Generator(np.random.Philox(7))
    maps = {f"blocks.{b}.attention.core": rng.uniform(0.05, 0.95, (2, 3, 8, 8)) for b in range(3)}
    pairs = {"patches.encoder": np.concatenate([rng.uniform(0, 25e-6, 500), np.zeros(500)])}
    return {
        "before": pairs,
        "after": {layer: 0.8 * g for layer, g in pairs.items()},
        "digital_maps": maps,
        "crossbar_maps": {layer: a + rng.normal(0, 0.2, a.shape) for layer, a in maps.items()},
        "image": rng.uniform(0, 1, (1, 8, 8)),
    }


def balance(card: memsim.ChipCard) -> Balance:
    """The digits network at a spike rate of 24 %."""
    works = counts.works(configure("s2tdpt-digits"), 0.24)
    held = estimate.Held(pulses=7.0, weight=6e-6, attention=40e-6)
    return Balance(lines=estimate.crossbar(works, card, held), works=works, card=card)


def record() -> dict[str, Any]:
    """Digests, chips and answers: the even images are right on the chips, all but two digitally."""
    counted = ["8:aa"] * 4
    result = {"per_chip": {"accuracy [1]": [0.5] * 4, "cross-entropy [nat]": [0.1, 0.2, 0.15, float("nan")]}}
    return {
        "network": "n" * 16,
        "data": "d" * 16,
        "chips": [0, 1, 2, 3],
        "result": result | {"total": {"images": 8}, "series": {}, "marks": {"accuracy [1]": counted}},
        "digital": {"digits": "8:fc", "digits-hard": "8:f0"},
    }


def comparison(**instead: Any) -> SimpleNamespace:
    """The parts of studies.evaluation.comparison.Comparison that a report reads; some may be exchanged."""
    card = memsim.ChipCard.load("default")
    ledger = memsim.Ledger(card)
    ledger.images = 2
    ledger.add("patches.encoder", "adc-8b", 1024)
    ledger.add_read("patches.encoder", 6e-12)
    ledger.note("patches.encoder", "clipped conversions", 4)
    found = summary()
    parts = {
        "setting": Setting(card=dump(card), chips=4),
        "card": card,
        "chip": SimpleNamespace(ledger=ledger),
        "sample": sample(),
        "balance": balance(card),
        "record": record(),
        "summary": lambda: found,
    }
    return SimpleNamespace(**parts | instead)
