"""Cells by name: the table says what the built cells are; others are registered, or come with packages."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from memsim import devices
from memsim.devices import plugins, registry
from memsim.devices.weights.ideal import ideal


@pytest.fixture
def name():
    """A name that is free again after the test."""
    yield "reram-mine"
    if "reram-mine" in devices.names():
        devices.unregister("reram-mine")


@pytest.fixture
def installed(monkeypatch):
    """Entry points as if packages with them were installed."""

    def install(*points: tuple[str, str]) -> None:
        found = [EntryPoint(name, value, "memsim.devices") for name, value in points]
        monkeypatch.setattr(plugins, "entry_points", lambda group: [p for p in found if p.group == group])
        plugins.found.cache_clear()
        registry._installed.cache_clear()

    yield install
    monkeypatch.undo()
    plugins.found.cache_clear()
    registry._installed.cache_clear()


def mine():
    return ideal(name="reram-mine")


def other():
    return ideal(name="another")


@pytest.mark.parametrize("preset", registry.PRESETS.values(), ids=lambda preset: preset.name)
def test_the_table_says_what_the_built_cell_is(preset):
    about = preset.cell.describe()
    assert (about.kind, about.effects) == preset.stated
    assert preset.cell.name == about.name == preset.name == registry.key(preset.name)


def test_names_cost_neither_torch_nor_aihwkit():
    code = (
        "import sys; from memsim.devices import names; assert len(names()) >= 26;"
        "heavy = {'torch', 'aihwkit', 'numba', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_registered_cell_is_known_by_name_until_it_is_forgotten(name):
    devices.register(name, mine)
    assert name in devices.names() and devices.get("ReRAM-mine ") is devices.get(name)
    assert registry.preset(name).kind == "weight, pulsed" and registry.preset(name).effects == ()
    devices.register(name, lambda: ideal(name=name, n_max=3))
    assert devices.get(name).n_max == 3  # type: ignore[attr-defined]
    devices.unregister(name)
    assert name not in devices.names()
    with pytest.raises(ValueError, match="no cell is called 'reram-mine'"):
        devices.get(name)
    with pytest.raises(ValueError, match="no cell 'reram-mine' was registered"):
        devices.unregister(name)


@pytest.mark.parametrize(
    ("called", "make", "words"),
    [
        ("reram-om", mine, "a preset is called 'reram-om' already"),
        ("Mine", mine, "lower-case"),
        ("", mine, "lower-case"),
        ("mine.toml", mine, "device card"),
        ("mine", "module:function", "a function that returns the cell is needed"),
    ],
)
def test_a_name_that_cannot_be_is_refused(called, make, words):
    with pytest.raises(ValueError, match=words):
        devices.register(called, make)


def test_a_function_that_makes_no_cell_or_one_of_another_name_is_refused(name):
    devices.register(name, lambda: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="makes a int; a Cell is needed"):
        devices.get(name)
    devices.register(name, other)
    with pytest.raises(ValueError, match="named 'another'"):
        devices.get(name)


def test_cells_of_installed_packages_are_found(installed):
    installed(("reram-mine", f"{__name__}:mine"), ("reram-broken", "no_such_module:cell"))
    assert {"reram-mine", "reram-broken"} <= set(devices.names())
    assert devices.get("reram-mine").name == "reram-mine"
    with pytest.raises(plugins.PluginError, match=r"reram-broken.*no_such_module:cell.*ModuleNotFoundError"):
        devices.get("reram-broken")


def test_entry_points_that_meet_another_name_are_refused(installed):
    installed(("reram-mine", f"{__name__}:mine"), ("reram-mine", f"{__name__}:other"))
    with pytest.raises(plugins.PluginError, match="take the same name"):
        devices.names()
    installed(("reram-om", f"{__name__}:mine"))
    with pytest.raises(plugins.PluginError, match=r"reram-om.*a preset's"):
        devices.names()


def test_groups_of_entry_points_are_a_closed_list():
    assert all(dict(plugins.found(group)) == {} for group in plugins.GROUPS)  # nothing is installed here
    with pytest.raises(ValueError, match=r"no group 'memsim\.cells'"):
        plugins.found("memsim.cells")
