"""NeuRRAM's energy of an operation from its parts, by hand; the docs print what the command prints."""

import runpy

import pytest

from memsim import ChipCard
from memsim.energy import neurram
from memsim.prices.technology import Technology


def test_one_bit_in_and_three_out_by_hand():
    """A word line of 48 fF + 256 x 2.1 fF at 1.8 V; one sampling; four steps and one shift."""
    line = (48e-15 + 256 * 2.1e-15) * 1.8**2
    found = neurram.product(3, 1)
    assert found.rows == pytest.approx(256 * line, rel=2e-3)
    assert found.neurons_in == pytest.approx(256 * (1.2e-12 + 0.25e-12))
    assert found.neurons_out == pytest.approx(256 * (4 * 0.3e-12 + 0.1e-12))
    assert found.operation == pytest.approx((found.rows + found.neurons_in + found.neurons_out) / 65536)


def test_bits_in_take_samplings_and_bits_out_take_steps():
    assert [neurram.cycles(bits) for bits in (1, 2, 3, 4, 6, 8)] == [1, 1, 3, 7, 31, 127]
    energies = [neurram.product(*bits).operation for bits in neurram.BITS]
    assert energies == sorted(energies)
    assert neurram.product(8, 4).neurons_in == neurram.product(3, 4).neurons_in
    more = neurram.product(8, 4).neurons_out - neurram.product(7, 4).neurons_out
    assert more == pytest.approx(256 * 64 * 0.3e-12)


@pytest.mark.parametrize(("bits", "words"), [((3, 0), "1 bit or more"), ((1, 3), "2 bits or more")])
def test_bits_that_are_none_are_refused(bits, words):
    with pytest.raises(ValueError, match=words):
        neurram.product(*bits)


@pytest.mark.parametrize("bits", range(2, 11))
def test_the_cards_converter_is_the_same_neuron(bits):
    """Spikes are sampled and integrated once."""
    price = Technology.load("neurram").converter_price(bits).energy
    assert price == pytest.approx(1.2e-12 + 0.25e-12 + 2 ** (bits - 1) * 0.3e-12 + 0.1e-12)


def test_the_command_prints_what_the_page_holds(capsys):
    runpy.run_path(str(neurram.__file__), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(neurram.BITS)
    for line, row in zip(lines[1:], neurram.table(), strict=True):
        assert line.split() == " ".join(row).split()
        assert row[0] in line


def test_the_chip_card_is_of_its_node_and_reads_pairs_of_rows():
    card = ChipCard.load("neurram-wan2022")
    assert card.price("adc-8b").node == "130nm" and card.weights.tile_rows == neurram.ROWS // 2
    card.check_prices(build=True)
