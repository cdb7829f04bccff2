"""Checkpoints with the names of public repositories: made ones are read, and the networks answer alike."""

import pytest
import torch
from safetensors.torch import save_file

from memsim.models.exchange import from_repository
from memsim.models.exchange.repository import read_state
from tests.models.exchange.public_networks import SDT, Public, Spikformer, Spikingformer, made

SHAPE = (3, 16, 16)
KINDS = {
    "spikingformer": (Spikingformer, {"heads": 2}),
    "spikformer": (Spikformer, {"heads": 2}),
    "sdt": (SDT, {}),
}


def ours(repository: str, state):
    return from_repository(state, repository, in_shape=SHAPE, **KINDS[repository][1])


@pytest.mark.parametrize("repository", KINDS)
def test_networks_of_made_checkpoints_answer_alike(repository):
    theirs = made(KINDS[repository][0])
    net = ours(repository, theirs.state_dict())
    x = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        judge = theirs(x)
        torch.testing.assert_close(net(x), judge, rtol=1e-4, atol=1e-5)
    assert float(judge.std(0).min()) > 1e-3, "the answers depend on the picture"
    assert net.config.num_classes == 5 and net.config.layers == 2 and net.config.dim == 64


def test_s2tdpt_has_spikingformers_names():
    state = made(Spikingformer).state_dict()
    net = from_repository(state, "s2tdpt", in_shape=SHAPE, attention="dot", heads=2, decay_input=True)
    x = torch.rand(6, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(net(x), ours("spikingformer", state)(x), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def net() -> Public:
    return made(Spikingformer, layers=1)


def test_files_of_torch_and_safetensors_and_of_parallel_training(net, tmp_path):
    state = net.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    from argparse import Namespace

    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in state.items()}, "args": Namespace(lr=1)},
        tmp_path / "c.pth",
    )
    for name in ("a.safetensors", "b.pth", "c.pth"):
        found = read_state(tmp_path / name)
        assert found.keys() == state.keys() and all(torch.equal(found[k], state[k]) for k in state)


class Evil:
    def __reduce__(self):
        return (open, ("evil-ran", "w"))


def test_nothing_in_a_file_is_run(net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": net.state_dict(), "more": Evil()}, "evil.pth")
    with pytest.raises(ValueError, match=r"evil.pth cannot be read without running code in it"):
        read_state("evil.pth")
    assert not (tmp_path / "evil-ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pth", b"", "damaged"),
        ("a.pth", b"PK\3\4nothing", "damaged"),
        ("a.safetensors", b"\0\0", "damaged"),
    ],
)
def test_damaged_files(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_state(tmp_path / name)


def test_files_without_tensors(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a.pth holds no tensors by name"):
        read_state(tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no such file"):
        read_state(tmp_path / "b.pth")


def test_tensors_that_do_not_fit_are_named(net):
    state = dict(net.state_dict())
    with pytest.raises(ValueError, match="no repository 'qkformer'; there are spikingformer"):
        from_repository(state, "qkformer", in_shape=SHAPE)
    with pytest.raises(ValueError, match=r"head.weight and block.0... are needed"):
        from_repository({"fc.weight": torch.zeros(3)}, "sdt", in_shape=SHAPE)
    with pytest.raises(ValueError, match=r"unknown \['patch_embed.block0_conv.weight'"):
        from_repository(state, "spikformer", in_shape=SHAPE, heads=2)
    with pytest.raises(ValueError, match=r"unknown \['block.0.attn.q_lif.w'\], missing \[\]; learned leaks"):
        ours("spikingformer", state | {"block.0.attn.q_lif.w": torch.zeros(())})
    with pytest.raises(ValueError, match=r"missing \['blocks.0.attention.q.linear.weight'\]"):
        ours("spikingformer", {k: v for k, v in state.items() if k != "block.0.attn.q_conv.weight"})
    wrong = state | {"block.0.attn.q_conv.weight": torch.zeros(64, 32, 1)}
    with pytest.raises(ValueError, match=r"q_conv.weight has shape \(64, 32, 1\), .* needs \(64, 64\)"):
        ours("spikingformer", wrong)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "ema."]
)
def test_names_of_wrappers_are_taken_off(net, prefix, tmp_path):
    state = net.state_dict()
    torch.save({"state_dict_ema": {prefix + k: v for k, v in state.items()}, "epoch": 3}, tmp_path / "a.pth")
    found = read_state(tmp_path / "a.pth")
    assert found.keys() == state.keys()
    averaged = {prefix + k: v for k, v in state.items()} | {"n_averaged": torch.tensor(3)}
    x = torch.rand(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(ours("spikingformer", averaged)(x), ours("spikingformer", state)(x))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(net, kind):
    state = {k: v.to(kind) if v.is_floating_point() else v for k, v in net.state_dict().items()}
    found = ours("spikingformer", state).state_dict()
    assert {v.dtype for v in found.values()} <= {torch.float32, torch.int64}
    assert torch.equal(found["head.weight"], state["head.weight"].float())


def test_numbers_that_no_network_has_are_refused(net):
    state = dict(net.state_dict())
    weight = state["head.weight"]
    for wrong, says in (
        (weight * torch.nan, "head.weight has NaN or infinite numbers"),
        ((100 * weight).to(torch.int8), "head.weight has the type torch.int8: quantised"),
        (weight.numpy(), "head.weight is no plain tensor"),
        (torch.zeros(5, 100_000), "not those of a spikingformer"),
        (torch.zeros(5), "not those of a spikingformer"),
    ):
        with pytest.raises(ValueError, match=says):
            ours("spikingformer", state | {"head.weight": wrong})
    with pytest.raises(ValueError, match="not those of a spikingformer"):
        ours("spikingformer", state | {"block.1000000.attn.q_conv.weight": torch.zeros(3)})
