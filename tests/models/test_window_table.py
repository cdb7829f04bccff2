"""Windows by table: interpolation by hand, the same weights in every form, storage, arrays, refusals."""

import json
import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from memsim import ChipCard, Ledger, devices, models, to_crossbar
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.devices.toml_file import tomllib
from memsim.models.parts.attention import STDPAttention, attend_by_level, weight_and_slope
from memsim.models.parts.stdp import Window
from memsim.models.parts.window_table import WindowTable
from memsim.run import Run

BY_HAND = {
    "delay": [0.0, 2e-3, 6e-3],
    "potentiation": [0.0, 1.0, 0.2],
    "depression": [0.5, 0.4, 0.0],
    "time_unit": 8e-3,
}


def table(**changes: Any) -> Window:
    return Window(A=0.4, offset=0.5, shape="table", tabulated=WindowTable(**{**BY_HAND, **changes}))


def physical(law: Any = None, a_pre: float = 0.9) -> Window:
    made = devices.stdp_window(devices.SpikePair(a_pre=a_pre), law)
    time_unit = made.fit("potentiation").tau / 0.5
    return Window(shape="table", tabulated={**made.table(), "time_unit": time_unit})


PHYSICAL = {
    "by hand": table(potentiation=[0.0, 1.0, 0.0]),
    "threshold": physical(),
    "gap": physical(devices.GapModel(), 1.0),
    "5 levels": table(potentiation=[0.0, 1.0, 0.0]).model_copy(update={"levels": 5}),
    "turned round": table(potentiation=[-1.0, -0.5, 0.0]),
}


def test_by_hand():
    """D_H = 8 and 8 ms for t_max: 1 ms a spike; f is linear between 0, 2 and 6 ms and stays beyond."""
    got = (table(depression=[0.5, 0.4, 0.0], potentiation=[0.0, 1.0, 0.0]).table(8) - 0.5) / 0.4
    up = [0, 0, 0, 0.25, 0.5, 0.75, 1.0, 0.5]  # dt = -8 .. -1 ms
    down = [0.5, 0.45, 0.4, 0.3, 0.2, 0.1, 0, 0, 0]  # dt = 0 .. 8 ms
    torch.testing.assert_close(got, torch.tensor([*up, *(-x for x in down)], dtype=torch.float64))


def test_device_time_stretches_the_window():
    fast, slow = (table(time_unit=u, potentiation=[0.0, 1.0, 0.0]).table(8) for u in (8e-3, 4e-3))
    torch.testing.assert_close(fast[8:13], slow[8::2], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(fast[4:8], slow[0:8:2], rtol=1e-9, atol=1e-12)


def test_a_tabulated_exponential_is_the_exponential():
    delay = torch.linspace(0, 1, 4001, dtype=torch.float64)
    f = (-delay / 0.5).exp().tolist()
    same = {"delay": delay.tolist(), "potentiation": f, "depression": f, "time_unit": 1.0}
    window = Window(shape="table", tabulated=WindowTable(**same))
    torch.testing.assert_close(window.table(12), Window().table(12), rtol=0, atol=2e-8)


@pytest.mark.parametrize("head_dim", [4, 12, 32])
@pytest.mark.parametrize("name", PHYSICAL)
def test_every_form_gives_the_same_weights(name, head_dim):
    window = PHYSICAL[name]
    count = torch.arange(head_dim + 1)
    matrix = window.matrix(head_dim)
    assert torch.equal(matrix, window.table(head_dim)[head_dim + count[None, :] - count[:, None]])
    single = window.attention(count.float(), count.float(), head_dim=head_dim)
    torch.testing.assert_close(single.double(), matrix, rtol=0, atol=1e-6)
    q, k, v = torch.rand(3, 2, 1, 2, 6, head_dim, generator=torch.Generator().manual_seed(0)).round().double()
    own = {"heads": 2, "head_dim": head_dim, "window": window}
    dense, histogram = (STDPAttention(**own, form=form)(q, k, v) for form in ("dense", "histogram"))
    torch.testing.assert_close(dense, histogram)
    torch.testing.assert_close(STDPAttention(**own)(q.requires_grad_(), k, v).detach(), dense)
    whole = ((matrix - 0.5) * 255).round().long()
    counts = [s.detach().sum(-1).long() for s in (q, k)]
    by_level = attend_by_level(whole, *counts, v.long())
    assert torch.equal(by_level, whole[counts[0].unsqueeze(-1), counts[1].unsqueeze(-2)] @ v.long())


def test_levels_keep_the_sign_of_a_part():
    window = PHYSICAL["turned round"].model_copy(update={"levels": 5})
    parts = (window.table(8)[:8] - 0.5) / 0.4
    assert set(parts.tolist()) <= {-1.0, -0.5, 0.0} and float(parts.min()) == -1.0


def test_the_gradient_is_the_slope_of_the_table():
    """The slopes of both branches by hand [per spike], a tie's that of depression to its right."""
    weight, slope = weight_and_slope(table(potentiation=[0.0, 1.0, 0.0]), 8, "pulse")
    assert torch.equal(weight, table(potentiation=[0.0, 1.0, 0.0]).matrix(8))
    expected = {3: 0.4 * 0.1, 0: 0.4 * 0.05, -1: -0.4 * 0.5, -3: 0.4 * 0.25, 8: 0.0, -8: 0.0}
    for difference, rise in expected.items():
        q, k = (0, difference) if difference >= 0 else (-difference, 0)
        assert float(slope[q, k]) == pytest.approx(rise, abs=1e-12), difference


def test_equal_physical_spikes_leave_ties_alone():
    """Where both tokens fire at once the spikes cancel: silent pairs, the busiest write, cost nothing."""
    assert float(physical().table(12)[12]) == 0.5
    assert float(Window().table(12)[12]) == pytest.approx(0.05)


@pytest.mark.parametrize("name", PHYSICAL)
def test_a_window_survives_json_toml_and_a_checkpoint(name, tmp_path):
    window = PHYSICAL[name]
    assert Window.model_validate_json(window.model_dump_json()) == window
    card = tmp_path / "w.toml"
    tabulated = "\n".join(f"{k} = {json.dumps(v)}" for k, v in window.model_dump()["tabulated"].items())
    card.write_text(f'shape = "table"\n[tabulated]\n{tabulated}\n')
    assert Window(**tomllib.loads(card.read_text())).tabulated == window.tabulated
    net = models.build("s2tdpt-digits", layers=1, window=window.model_dump())
    assert models.load(models.save(net, tmp_path / "net.safetensors")).config.window == window


@pytest.mark.parametrize("cell", ["ideal", "ecram-li"])
def test_arrays_write_it(cell):
    """Ideal cells give the digital spikes; pulses have the table's signs, none where it is zero."""
    net = models.load("s2tdpt-digits").double()
    window = physical()
    for layer in net.attention_layers():
        layer.core.window = window
    images = models.datasets.load("digits").x_test[:4].double()
    card = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": cell, "n_max": 8})
    if cell == "ideal":
        with torch.no_grad():
            digital, written = net(images), to_crossbar(net, card, chips=1).program()(images)[0]
        torch.testing.assert_close(written, digital, rtol=1e-9, atol=1e-9)
        return
    run = Run(card=card, chips=(0,), seed=0, ledger=Ledger(card))
    core = STDPAttention(heads=2, head_dim=12, window=window)
    array = AttentionArray("layer", core, run)
    assert isinstance(array.design.table, PulseTable)
    counts, change = array.design.table.counts.double(), window.matrix(12) - 0.5
    assert torch.equal(counts.sign(), change.sign() * (counts != 0))
    assert 6 <= float(counts.max()) <= 8 and bool((counts.diagonal() == 0).all())
    mean = card.attention_cell.response(8).double()
    reached = (mean[(counts + 8).long()] - mean[8]) * window.A / array.design.table.w_span
    assert float((reached - change).abs().max()) < 0.6 * window.A / 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"delay": [1e-3, 2e-3, 6e-3]}, "delay must increase from 0 s"),
        ({"delay": [0.0, 6e-3, 2e-3]}, "delay must increase"),
        ({"potentiation": [0.0, 1.0]}, "potentiation has 2 values for 3 delays"),
        ({"potentiation": [0.0, 0.9, 0.2]}, "is 0.9; it must be 1"),
        ({"potentiation": [0.0, 1.5, 0.2]}, "potentiation"),
        ({"depression": [math.nan, 0.0, 0.0]}, "depression"),
        ({"time_unit": 0.0}, "time_unit"),
        ({"time_unit": 1.0}, "1 s on the device, but the table ends at 0.006 s with a value other than 0"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_no_window_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        table(**wrong)


def test_shape_and_table_go_together():
    for wrong in ({"shape": "table"}, {"tabulated": BY_HAND}):
        with pytest.raises(ValidationError, match="the shape 'table' needs `tabulated`"):
            Window(**wrong)
    with pytest.raises(ValueError, match="shape = 'table'"):
        models.stdp_attention(
            torch.ones(1), torch.ones(1), head_dim=4, A=1.0, tau=1.0, offset=0.0, t_max=1.0, shape="table"
        )
