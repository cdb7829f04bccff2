"""A census of digital work: counts made by hand, the same in a loop over time and in one call, by value."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from memsim.energy.census import ROOT, Census
from memsim.models.parts.neurons import LIF
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention


def census(net: nn.Module, *inputs: torch.Tensor, images: int = 2, **how) -> dict[tuple[str, str], float]:
    """Events of a run by layer and name."""
    with torch.no_grad(), Census(net.eval(), images=images, **how) as found:
        net(*inputs)
    return found.tally.totals()


def by_event(found: dict[tuple[str, str], float]) -> dict[str, float]:
    """Events of all layers."""
    sums: dict[str, float] = {}
    for (_, event), number in found.items():
        sums[event] = sums.get(event, 0.0) + number
    return sums


class Own(nn.Module):
    """A network of one function."""

    def __init__(self, function, **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def spikes(*shape: int, rate: float = 0.4) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < rate).float()


class TestByHand:
    def test_a_perceptron(self):
        net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
        assert census(net, torch.randn(2, 4)) == {
            ("0", "digital-mac"): 2 * 4 * 5,
            ("1", "digital-compare"): 2 * 5,
            ("2", "digital-mac"): 2 * 5 * 3,
        }

    def test_a_small_cnn(self):
        net = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(16, 3),
        )  # fmt: skip
        assert census(net, torch.randn(2, 2, 8, 8)) == {
            ("0", "digital-mac"): 2 * 4 * 64 * 18,
            ("1", "digital-mac"): 2 * 4 * 64,
            ("2", "digital-compare"): 2 * 4 * 64,
            ("3", "digital-compare"): 2 * 4 * 16 * 3,
            ("4", "digital-add"): 2 * 4 * 16,
            ("6", "digital-mac"): 2 * 16 * 3,
        }

    def test_a_transformers_layer(self):
        """Two images of three tokens of eight values, two heads, sixteen hidden values; all products counted
        though torch has them in one operation.
        """
        net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        found = census(net, torch.randn(2, 3, 8))
        tokens, weights = 2 * 3, 2 * 2 * 3 * 3
        assert found["self_attn", "digital-mac"] == tokens * 8 * 24 + 2 * weights * 4
        assert found["self_attn.out_proj", "digital-mac"] == tokens * 8 * 8
        assert found["linear1", "digital-mac"] == found["linear2", "digital-mac"] == tokens * 8 * 16
        assert found["self_attn", "digital-function"] == weights + weights / 3
        assert found["self_attn", "digital-scale"] == weights
        assert (
            found["norm1", "digital-mac"] == 3 * tokens * 8 and found["norm1", "digital-function"] == tokens
        )
        assert found[ROOT, "digital-add"] == 2 * tokens * 8  # residuals
        assert found[ROOT, "digital-compare"] == tokens * 16

    def test_a_layer_of_lstm_is_a_loop_over_its_cell(self):
        layer, cell = nn.LSTM(4, 5), nn.LSTMCell(4, 5)

        def loop(net, x):
            state = None
            for part in x:
                state = net.cell(part, state)
            return state

        x = torch.randn(3, 2, 4)
        once = by_event(census(layer, x))
        assert once == by_event(census(Own(loop, cell=cell), x))
        assert once["digital-mac"] == 3 * 2 * (4 + 5) * 20 and once["digital-function"] == 3 * 2 * 5 * 5

    def test_bilinear_takes_the_outer_product(self):
        net = Own(lambda net, x: net.b(x, x), b=nn.Bilinear(4, 4, 3))
        assert census(net, torch.randn(2, 4)) == {
            ("b", "digital-multiply"): 2 * 16,
            ("b", "digital-mac"): 2 * 16 * 3,
        }

    @pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
    @pytest.mark.parametrize(
        "how", [{}, {"groups": 2}, {"stride": 2, "padding": 1}, {"dilation": 2}], ids=str
    )
    def test_spikes_of_convolutions_are_added_where_they_are_seen(self, kind, how):
        """Adds are the outputs that an all-ones kernel counts."""
        net = kind(4, 6, 3, bias=False, **how)
        x = spikes(2, 4, *[6] * (net.weight.dim() - 2))
        ones = kind(4, 6, 3, bias=False, **how)
        nn.init.ones_(ones.weight)
        assert census(net, x) == {(ROOT, "digital-add"): float(ones(x).detach().sum())}
        assert census(net, x / 2) == {(ROOT, "digital-mac"): float(net(x).numel() * net.weight[0].numel())}

    def test_a_transposed_convolution(self):
        net = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1, bias=False)
        x = spikes(2, 2, 4, 4)
        ones = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1, bias=False)
        nn.init.ones_(ones.weight)
        assert census(net, x) == {(ROOT, "digital-add"): float(ones(x).detach().sum())}
        assert census(net, -x) == {(ROOT, "digital-mac"): 2 * 2 * 16 * 27}


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "swin_t"])
def test_products_are_those_of_torchs_own_counter(name):
    """Of numbers: half a FLOP counter's operations; every operation is in a table."""
    net, x = getattr(torchvision.models, name)().eval(), torch.rand(1, 3, 32, 32)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        net(x)
    with torch.no_grad(), Census(net, images=1) as found:
        net(x)
    assert sum(product.macs for product in found.tally.products.values()) == flops.get_total_flops() / 2
    assert not [event for _, event in found.tally.totals() if event.startswith("aten.")]


class TestValues:
    """Spikes and numbers are told apart by what the factors hold."""

    def test_a_spike_is_an_add_for_each_output(self):
        x = torch.tensor([[1.0, 0, 1, 0], [0, 0, 1, 0]])
        assert census(nn.Linear(4, 5), x) == {(ROOT, "digital-add"): 3 * 5}

    def test_two_spike_trains_add_where_they_meet(self):
        q, k = spikes(2, 3, 5), spikes(2, 3, 5, rate=0.7)
        product = Own(lambda _, a, b: a @ b.mT)
        assert census(product, q, k) == {(ROOT, "digital-add"): float((q @ k.mT).sum())}
        assert census(product, q, k / 2) == {(ROOT, "digital-add"): float(q.sum()) * 3}
        assert census(product, q / 2, k) == {(ROOT, "digital-add"): float(k.sum()) * 3}
        assert census(product, q / 2, k / 2) == {(ROOT, "digital-mac"): 2 * 9 * 5}

    def test_a_silent_first_step_does_not_make_numbers_spikes(self):
        """In a loop the product is one product, whatever its calls hold."""
        net = Own(lambda net, x: sum(net.fc(part) for part in x), fc=nn.Linear(4, 5))
        x = torch.randn(3, 2, 4)
        x[0] = 0
        assert census(net, x)["fc", "digital-mac"] == 3 * 2 * 20

    def test_the_relatives_of_stdp_attention_cost_what_they_cost(self):
        """Two steps, two images, one head, four tokens of five features."""
        q, k, v = (spikes(2, 2, 1, 4, 5, rate=rate) for rate in (0.3, 0.5, 0.7))
        one, met, n = torch.ones(1), float((q @ k.mT).sum()), q.numel()
        assert by_event(census(DotAttention(gain=one), q, k, v)) == {
            "digital-add": met + float(v.sum()) * 4,  # the weights are numbers, the values spikes
            "digital-scale": 4 * 16,
        }
        random = RandomAttention(tokens=4, mean=one, spread=one, seed=0)
        assert by_event(census(random, q, k, v)) == {"digital-add": float(v.sum()) * 4}
        rate = by_event(census(RateAttention(head_dim=5, gain=one), q, k, v))
        assert rate == {"digital-add": 3 * n, "digital-multiply": 2 * n, "digital-scale": n}


class TestLoops:
    """A loop over time counts what one call with a time axis does."""

    def test_linear_layers_and_own_code(self):
        def step(net, x):
            return F.gelu(net.norm(net.fc(x)) + x) * x

        parts = {"fc": nn.Linear(6, 6), "norm": nn.LayerNorm(6)}
        x = torch.randn(4, 2, 6)
        loop = Own(lambda net, x: torch.stack([step(net, part) for part in x]), **parts)
        assert census(loop, x) == census(Own(step, **parts), x)

    def test_lif(self):
        def plain(_, x):  # step by step, as the definition has it
            h, out = torch.zeros_like(x[0]), []
            for part in x:
                u = h + part
                out.append((u >= 1).float())
                h = u * (u < 1)
            return torch.stack(out)

        x = torch.randn(4, 2, 6)
        assert census(LIF(), x) == {(ROOT, "neuron-step"): 4 * 2 * 6}
        assert by_event(census(Own(plain), x))["digital-compare"] == 2 * 4 * 2 * 6


class TestKnownBeforehand:
    """What holds nothing of the input costs nothing."""

    def test_weights_made_of_weights(self):
        net = nn.utils.parametrizations.weight_norm(nn.Linear(4, 5))
        assert census(net, torch.randn(2, 4)) == {(ROOT, "digital-mac"): 2 * 20}
        scaled = Own(lambda net, x: F.linear(x, net.fc.weight / net.fc.weight.norm()), fc=nn.Linear(4, 5))
        assert census(scaled, torch.randn(2, 4)) == {(ROOT, "digital-mac"): 2 * 20}

    def test_masks_and_positions(self):
        def masked(net, x):
            mask = torch.full((3, 3), 1.0).tril().log()
            return x + net.place(torch.arange(3)) + mask.exp().sum()

        found = census(Own(masked, place=nn.Embedding(3, 4)), torch.randn(2, 3, 4))
        assert found == {(ROOT, "digital-add"): 2 * 24}

    def test_a_state_that_begins_at_zero_is_computed_with(self):
        net = Own(lambda net, x: net.fc(torch.zeros(2, 4)) + x, fc=nn.Linear(4, 4))
        found = census(net, torch.randn(2, 4))
        assert found[ROOT, "digital-add"] == 8 and ("fc", "digital-add") not in found  # zeros: no spike


class TestNeverSilent:
    def test_an_operation_in_no_table_is_listed_by_its_name(self):
        net = Own(lambda _, x: torch.special.bessel_j0(x))
        assert census(net, torch.randn(2, 3)) == {(ROOT, "aten.special_bessel_j0"): 6}

    def test_a_slip_in_a_reported_event_is_refused_with_the_layer(self):
        class Neuron(nn.Module):
            def forward(self, x):
                return x

            def events(self, inputs, output):
                return {"neuron-stp": output.numel()}

        with pytest.raises(ValueError, match=r"^1: Neuron\.events reports no event 'neuron-stp'"):
            census(nn.Sequential(nn.ReLU(), Neuron()), torch.randn(2, 3))

    def test_an_attribute_called_events_is_no_report(self):
        net = nn.ReLU()
        net.events = []
        assert census(net, torch.randn(2, 3)) == {(ROOT, "digital-compare"): 6}

    def test_inference_mode_and_in_place_operations(self):
        net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.GRU(5, 3, batch_first=True))
        x = torch.randn(2, 3, 4)
        plain = census(net, x)
        with torch.inference_mode(), Census(net, images=2) as found:
            net(x)
        assert found.tally.totals() == plain and plain["1", "digital-compare"] == 30


def test_excluded_modules_and_pauses_count_nothing_but_what_follows_does():
    def half(net, x):
        with Census.paused():
            x = x.exp()
        return net.second(F.relu(net.first(x)))

    net = Own(half, first=nn.Linear(4, 5), second=nn.Linear(5, 3))
    assert census(net, torch.randn(2, 4), exclude=["first"]) == {
        (ROOT, "digital-compare"): 10,
        ("second", "digital-mac"): 30,
    }


def test_a_failed_call_leaves_no_hook_behind():
    net = nn.Sequential(nn.Linear(4, 5), nn.Linear(4, 5))
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(RuntimeError):
        census(net, torch.randn(2, 4))
    from torch.nn.modules import module

    assert not module._global_forward_hooks and not module._global_forward_pre_hooks
    assert torch.backends.mha.get_fastpath_enabled() == before
    assert census(nn.Linear(4, 5), torch.randn(2, 4)) == {(ROOT, "digital-mac"): 40}
