"""The twin without spikes has S2TDPT's shapes, and its own attention."""

import pytest
import torch

from memsim import models


def test_parameters_are_those_of_the_spiking_network():
    twin, spiking = models.build("vit-4-384"), models.build("s2tdpt-4-384")
    assert sum(p.numel() for p in twin.parameters()) == 9_320_122
    shapes = [{name: tuple(p.shape) for name, p in net.named_parameters()} for net in (twin, spiking)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_attention_is_softmax_over_keys(activation):
    net = models.build("vit-1-32", in_shape=(1, 8, 8), activation=activation).eval()
    layer, tokens = net.blocks[0].attention, torch.randn(2, 16, 32)
    act = torch.nn.functional.relu if activation == "relu" else torch.nn.functional.gelu
    q, k, v = (act(dense(act(tokens))) for dense in (layer.q, layer.k, layer.v))  # one head of 32
    wanted = layer.proj(torch.nn.functional.scaled_dot_product_attention(q, k, v))
    torch.testing.assert_close(layer(tokens), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("field", [{"heads": 5}, {"widths": (4, 8)}, {"pools": (True,)}, {"steps": 2}])
def test_fields_that_do_not_fit_are_refused(field):
    with pytest.raises(ValueError, match=next(iter(field))):
        models.build("vit-1-32", in_shape=(1, 8, 8), **field)
