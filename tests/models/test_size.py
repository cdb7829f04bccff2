"""Parameters and multiply-adds of the family are the papers' and those of the authors' code, to the digit."""

import pytest
import torch

import memsim
from memsim import models
from memsim.models.networks.size import size_of

CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)
QUICK = [
    # name, shape, classes, parameters, millions of multiply-adds a step, neurons
    ("spikingformer-4-256", CIFAR, 10, 4_152_106, 418.22, 950_272),
    ("spikingformer-4-384", CIFAR, 10, 9_320_122, 934.04, 1_425_408),
    ("spikformer-4-256", CIFAR, 10, 4_155_178, 418.22, None),
    ("spikformer-4-384", CIFAR, 10, 9_324_730, 934.04, 1_449_984),
    ("vit-4-384", CIFAR, 10, 9_320_122, 934.04, 0),
    ("spikingformer-2-256", (2, 128, 128), 10, 2_566_666, 378.5, None),
    ("spikformer-2-256", (2, 128, 128), 10, 2_566_666, 378.5, None),
    ("sew-resnet18", IMAGENET, 1000, 11_689_512, 1814, 2_483_712),
    ("ms-resnet18", IMAGENET, 1000, 11_693_736, 1827, 2_308_096),
]
SLOW = [
    ("spikingformer-2-384", CIFAR, 10, 5_762_746, 701.26, 933_888),
    ("ms-resnet110", CIFAR, 10, 1_730_714, None, None),
    ("spikingformer-4-256", CIFAR, 100, 4_175_236, None, None),
    ("spikingformer-2-384", CIFAR, 100, 5_797_396, None, None),
    ("spikingformer-4-384", CIFAR, 100, 9_354_772, None, None),
    ("spikingformer-8-384", IMAGENET, 1000, 16_816_024, 4897, None),
    ("spikingformer-8-512", IMAGENET, 1000, 29_689_384, 8571, None),
    ("spikingformer-8-768", IMAGENET, 1000, 66_338_632, 18984, None),
    ("spikingformer-2-256", (2, 128, 128), 11, 2_566_923, None, None),
    ("spikformer-2-384", CIFAR, 10, 5_765_050, 701.26, None),
    ("spikformer-8-384", IMAGENET, 1000, 16_816_024, 4897, None),
    ("spikformer-6-512", IMAGENET, 1000, 23_373_352, 7260, None),
    ("spikformer-8-512", IMAGENET, 1000, 29_689_384, 8571, None),
    ("spikformer-10-512", IMAGENET, 1000, 36_005_416, 9883, None),
    ("spikformer-8-768", IMAGENET, 1000, 66_338_632, 18984, None),
    ("sew-resnet34", IMAGENET, 1000, 21_797_672, 3664, 3_738_112),
    ("sew-resnet50", IMAGENET, 1000, 25_557_032, 4089, 11_113_984),
    ("sew-resnet101", IMAGENET, 1000, 44_549_160, 7801, 16_231_936),
    ("sew-resnet152", IMAGENET, 1000, 60_192_808, 11514, 22_554_112),
    ("ms-resnet34", IMAGENET, 1000, 21_801_896, 3677, 3_562_496),
    ("ms-resnet104", IMAGENET, 1000, 77_284_264, 11769, 7_225_344),
    ("ms-resnet110", CIFAR, 100, 1_736_564, 253.2, None),
]
TALKING_HEADS = [
    # the authors' code makes a convolution of 8 x 8 in each block and never calls it
    ("sdt-2-256", CIFAR, 10, 2_567_082, 309.2, 541_440),
    ("sdt-2-512", CIFAR, 10, 10_233_546, 1234.9, 1_082_880),
    ("sdt-2-512", CIFAR, 100, 10_279_716, None, None),
    ("sdt-8-384", IMAGENET, 1000, 16_816_536, 4661, None),
    ("sdt-6-512", IMAGENET, 1000, 23_373_736, 7024, None),
    ("sdt-8-512", IMAGENET, 1000, 29_689_896, 8257, None),
    ("sdt-10-512", IMAGENET, 1000, 36_006_056, 9490, None),
    ("sdt-8-768", IMAGENET, 1000, 66_339_144, 18512, None),
]
GATED = [
    # of these multiply-adds the last number, in millions, are those of gates
    ("att-ms-resnet18", 11_867_960, 1829, 2.0),
    ("att-ms-resnet34", 22_116_552, 3680, 3.6),
    ("att-ms-resnet104", 78_369_598, 11778, 9.0),
]


def places(number: float) -> int:
    """Decimal places a number is given with."""
    return len(f"{number}".partition(".")[2])


def check(name, shape, classes, parameters, millions, neurons) -> None:
    found = size_of(models.configure(name, in_shape=shape, num_classes=classes))
    assert found.parameters == parameters
    assert millions is None or round(found.macs / 1e6, places(millions)) == millions
    assert neurons is None or found.neurons == neurons


@pytest.mark.parametrize("row", QUICK, ids=lambda row: row[0])
def test_the_papers_counts(row):
    check(*row)


@pytest.mark.slow
@pytest.mark.parametrize("row", SLOW, ids=lambda row: row[0])
def test_more_of_the_papers_counts(row):
    check(*row)


@pytest.mark.slow
@pytest.mark.parametrize("row", TALKING_HEADS, ids=lambda row: row[0])
def test_counts_but_for_talking_heads_that_are_never_called(row):
    name, shape, classes, parameters, millions, neurons = row
    layers = int(name.split("-")[1])
    check(name, shape, classes, parameters - layers * 8**2, millions, neurons)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters", "millions", "gates"), GATED)
def test_counts_with_gates(name, parameters, millions, gates):
    found = size_of(models.configure(name, in_shape=IMAGENET, num_classes=1000))
    assert found.parameters == parameters
    assert round((found.macs + found.gate_macs) / 1e6) == millions
    assert round(found.gate_macs / 1e6, 1) == gates


@pytest.mark.parametrize(
    ("gates", "parameters"), [("none", 2_324_065), ("TA", 2_331_265), ("CSA", 2_333_335), ("TCSA", 2_340_535)]
)
def test_ma_snn_with_each_of_its_gates(gates, parameters):
    net = models.build("masnn", gates=gates)
    assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.slow
def test_multiply_adds_of_ma_snn():
    assert round(size_of(models.configure("masnn")).macs / 1e6, 1) == 116.5


def test_ms_resnet_with_the_repositorys_stem():
    """Three convolutions with biases: 66,240 parameters more than the one of the paper's 77.28 M."""
    with torch.device("meta"):
        net = models.build("ms-resnet104", in_shape=IMAGENET, num_classes=1000, stem="3x3x3")
    assert sum(p.numel() for p in net.parameters()) == 77_350_504


def test_energy_of_spikingformer_8_512():
    """7.463502602 mJ of the authors' energy page, at the default card's prices: multiply-adds of the first
    convolution at every one of four steps and of the head with its biases, and 6.51754094 G additions, which
    follow from their rates. The last figure of these leaves 4.5e-9 mJ open.
    """
    layers = size_of(models.configure("spikingformer-8-512", in_shape=IMAGENET, num_classes=1000)).layers
    macs = 4 * layers["patches.encoder"] + layers["head"] + 1000
    assert macs == 347_329_512
    mac, ac = (memsim.ChipCard.load("default").price(event).energy for event in ("sop-mac", "sop-ac"))
    assert 1e3 * (macs * mac + 6.51754094e9 * ac) == pytest.approx(7.463502602, abs=4.5e-9)
