"""Small networks with the parameter names and the arithmetic of the public repositories, written anew.

Neurons are a plain loop: V += (X - V)/2, a spike where V >= threshold, then V = 0.
"""

import torch
from torch import Tensor, nn


def fire(current: Tensor, threshold: float = 1.0) -> Tensor:
    """Spikes (T, ...) of currents (T, ...)."""
    v, out = torch.zeros_like(current[0]), []
    for x in current:
        v = v + (x - v) / 2.0
        spike = (v >= threshold).to(x)
        v = v * (1 - spike)
        out.append(spike)
    return torch.stack(out)


def each(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer of images on every step."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def conv(before: int, after: int, side: int = 3, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(before, after, side, padding=side // 2, bias=bias)


class Part(nn.Module):
    """Layers by name; `run(name)` is a layer and its norm on every step."""

    def __init__(self, **layers: nn.Module):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)

    def run(self, layer: str, norm: str, x: Tensor) -> Tensor:
        return each(getattr(self, norm), each(getattr(self, layer), x))

    def linear(self, name: str, x: Tensor, middle: str) -> Tensor:
        """A product over tokens (T, B, C, N) by a linear layer or a convolution of side 1, and its norm."""
        layer, norm = getattr(self, f"{name}_{middle}"), getattr(self, f"{name}_bn")
        flat = x.flatten(0, 1)
        if isinstance(layer, nn.Linear):
            out = norm(layer(flat.transpose(1, 2)).transpose(1, 2))
        elif isinstance(layer, nn.Conv1d):
            out = norm(layer(flat))
        else:
            out = norm(layer(flat[..., None]))[..., 0]
        return out.unflatten(0, x.shape[:2])


def products(kind: str, dim: int, names: dict[str, tuple[int, int, bool]]) -> dict[str, nn.Module]:
    """Layers NAME_linear or NAME_conv of (in, out, bias), and their norms NAME_bn."""
    found: dict[str, nn.Module] = {}
    for name, (before, after, bias) in names.items():
        if kind == "linear":
            found[f"{name}_linear"] = nn.Linear(before, after, bias=bias)
        else:
            layer = nn.Conv1d if kind == "conv1d" else nn.Conv2d
            found[f"{name}_conv"] = layer(before, after, 1, bias=bias)
        found[f"{name}_bn"] = nn.BatchNorm2d(after) if kind == "conv2d" else nn.BatchNorm1d(after)
    return found


def attention_layers(kind: str, dim: int, bias: bool) -> Part:
    one = dict.fromkeys("qkv", (dim, dim, bias)) | {"proj": (dim, dim, True)}
    return Part(**products(kind, dim, one))


def by_head(x: Tensor, heads: int) -> Tensor:
    """(T, B, C, N) -> (T, B, H, N, C/H)."""
    return x.transpose(-1, -2).unflatten(-1, (heads, -1)).transpose(2, 3)


def joined(x: Tensor) -> Tensor:
    """(T, B, H, N, C/H) -> (T, B, C, N)."""
    return x.transpose(3, 4).flatten(2, 3)


class Public(nn.Module):
    """What the networks share: held input, blocks of tokens, a linear head on the mean."""

    steps, heads = 4, 2

    def __init__(self, dim: int, layers: int, classes: int):
        super().__init__()
        self.patch_embed = self.stem(dim)
        self.block = nn.ModuleList(self.layer(dim) for _ in range(layers))
        self.head = nn.Linear(dim, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.tokens(image.expand(self.steps, *image.shape)).flatten(3)
        for block in self.block:
            x = x + self.attend(block.attn, x)
            x = x + self.mix(block.mlp, x)
        return self.read(x)

    def read(self, x: Tensor) -> Tensor:
        return self.head(x.mean(3).mean(0))


class Spikingformer(Public):
    def stem(self, dim: int) -> Part:
        widths, layers = (3, dim // 8, dim // 4, dim // 2, dim, dim), {}
        for n in range(5):
            layers[f"block{n}_conv"], layers[f"block{n}_bn"] = (
                conv(widths[n], widths[n + 1]), nn.BatchNorm2d(widths[n + 1]),
            )  # fmt: skip
        return Part(**layers)

    def layer(self, dim: int) -> Part:
        norms = {"norm1": nn.LayerNorm(dim), "norm2": nn.LayerNorm(dim)}  # never called
        names = {"mlp1": (dim, 4 * dim, True), "mlp2": (4 * dim, dim, True)}
        mlp = Part(**products("conv2d", dim, names))
        return Part(attn=attention_layers("conv1d", dim, False), mlp=mlp, **norms)

    def tokens(self, x: Tensor) -> Tensor:
        x = self.patch_embed.run("block0_conv", "block0_bn", x)
        for n in range(1, 5):
            x = fire(x)
            x = each(nn.MaxPool2d(3, 2, 1), x) if n > 2 else x
            x = self.patch_embed.run(f"block{n}_conv", f"block{n}_bn", x)
        return x

    def attend(self, part: Part, x: Tensor) -> Tensor:
        x = fire(x)
        q, k, v = (by_head(fire(part.linear(name, x, "conv")), self.heads) for name in "qkv")
        return part.linear("proj", fire(joined(q @ k.transpose(-1, -2) @ v) * 0.125, 0.5), "conv")

    def mix(self, part: Part, x: Tensor) -> Tensor:
        return part.linear("mlp2", fire(part.linear("mlp1", fire(x), "conv")), "conv")


def stem(dim: int) -> Part:
    widths, layers = (3, dim // 8, dim // 4, dim // 2, dim), {}
    for n in range(4):
        end = str(n or "")
        layers[f"proj_conv{end}"] = conv(widths[n], widths[n + 1])
        layers[f"proj_bn{end}"] = nn.BatchNorm2d(widths[n + 1])
    return Part(**layers, rpe_conv=conv(dim, dim), rpe_bn=nn.BatchNorm2d(dim))


class Spikformer(Public):
    products = "linear"

    def stem(self, dim: int) -> Part:
        return stem(dim)

    def layer(self, dim: int) -> Part:
        norms = {"norm1": nn.LayerNorm(dim), "norm2": nn.LayerNorm(dim)}  # never called
        names = {"fc1": (dim, 4 * dim, True), "fc2": (4 * dim, dim, True)}
        mlp = Part(**products("linear", dim, names))
        return Part(attn=attention_layers("linear", dim, True), mlp=mlp, **norms)

    def tokens(self, x: Tensor) -> Tensor:
        for n in range(4):
            x = fire(self.patch_embed.run(f"proj_conv{n or ''}", f"proj_bn{n or ''}", x))
            x = each(nn.MaxPool2d(3, 2, 1), x) if n > 1 else x
        return x + fire(self.patch_embed.run("rpe_conv", "rpe_bn", x))

    def attend(self, part: Part, x: Tensor) -> Tensor:
        q, k, v = (by_head(fire(part.linear(name, x, "linear")), self.heads) for name in "qkv")
        mixed = fire(joined((q @ k.transpose(-1, -2) * 0.125) @ v), 0.5)
        return fire(part.linear("proj", mixed, "linear"))

    def mix(self, part: Part, x: Tensor) -> Tensor:
        return fire(part.linear("fc2", fire(part.linear("fc1", x, "linear")), "linear"))


class SDT(Public):
    def stem(self, dim: int) -> Part:
        return stem(dim)

    def layer(self, dim: int) -> Part:
        names = {"fc1": (dim, 4 * dim, True), "fc2": (4 * dim, dim, True)}
        attn = attention_layers("conv2d", dim, False)
        attn.talking_heads = nn.Conv1d(self.heads, self.heads, 1, bias=False)  # never called
        return Part(attn=attn, mlp=Part(**products("conv2d", dim, names)))

    def tokens(self, x: Tensor) -> Tensor:
        for n in range(4):
            x = self.patch_embed.run(f"proj_conv{n or ''}", f"proj_bn{n or ''}", x)
            x = each(nn.MaxPool2d(3, 2, 1), fire(x)) if n == 2 else fire(x) if n < 2 else x
        x = each(nn.MaxPool2d(3, 2, 1), x)
        return x + self.patch_embed.run("rpe_conv", "rpe_bn", fire(x))

    def attend(self, part: Part, x: Tensor) -> Tensor:
        x = fire(x)
        q, k, v = (fire(part.linear(name, x, "conv")) for name in "qkv")
        return part.linear("proj", q * fire((k * v).sum(-1, keepdim=True), 0.5), "conv")

    def mix(self, part: Part, x: Tensor) -> Tensor:
        return part.linear("fc2", fire(part.linear("fc1", fire(x), "conv")), "conv")

    def read(self, x: Tensor) -> Tensor:
        return self.head(fire(x.mean(3))).mean(0)


def made(kind: type[Public], *, dim: int = 64, layers: int = 2, classes: int = 5) -> Public:
    """A network with random weights and batch norms of its own statistics, so that neurons fire."""
    torch.manual_seed(0)
    net = kind(dim, layers, classes)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 2.0)
            nn.init.uniform_(module.bias, -0.5, 1.0)
            module.momentum = None
    with torch.no_grad():
        net.train()(torch.rand(8, 3, 16, 16))
    return net.eval()
