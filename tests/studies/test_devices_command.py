"""`memsim devices`: the list, one cell, its portrait, and a fit from a table to a card that runs."""

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest

from memsim import ChipCard, devices
from memsim.studies.reports import cell_descriptions
from memsim.studies.reports.cell_tables import cells_list
from memsim.studies.reports.device_figures import panels, portrait
from memsim.studies.reports.figure_style import png, svg
from tests.devices.measured import ECRAM, PCM, RERAM
from tests.studies.test_cli import run


def write(path, curves):
    """The curves as a table."""
    timed = hasattr(curves, "time")
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["device", *(["time [s]"] if timed else ["pulse", "direction"]), "conductance [S]"])
        for i, name in enumerate(curves.devices):
            for k, g in enumerate(curves.conductance[:, i]):
                out.writerow([name, *([curves.time[k, i]] if timed else [k, curves.direction[k, i]]), g])
    return str(path)


def test_the_list_names_what_a_user_chooses_by(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "devices")
    assert code == 0
    for cell in map(devices.get, devices.names()):
        (line,) = (line for line in out.splitlines() if line.startswith(f"{cell.name} "))
        assert cell.technology in line and cell.describe().source in out
    assert "1e4–1e9" in out and "1e6–1e9*" in out
    code, out, _ = run(capsys, monkeypatch, "devices", "--json")
    found = json.loads(out)
    assert set(found) == set(devices.names())
    assert (
        found["pcm-joshi2020"]["endurance [cycles]"]["low"] == 1e5
        and found["ideal"]["endurance [cycles]"] is None
    )


def test_the_list_fits_a_screen_and_a_pipe_gets_whole_lines():
    lines = cells_list(80).splitlines()
    assert max(map(len, lines)) <= 80 and lines[0].split() == "cell technology kind states endurance".split()
    assert " ".join(cells_list(80).split()) == " ".join(cells_list().split())


def test_one_cell_says_its_effects_and_what_it_cannot(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "devices", "ecram-li")
    assert code == 0
    for word in ("device-spread, cycle-noise", "no write", "no relax", "endurance [cycles]", "assumption"):
        assert word in out
    assert run(capsys, monkeypatch, "devices", "show", "ecram-li")[1] == out


QUICK = (
    "ideal",
    "pcm-joshi2020",
    "pcm-nandakumar2018",
    "reram-milo2021",
    "reram-om",
)  #: a panel of each kind
PORTRAITS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.exhaustive) for name in devices.names()
]


@pytest.mark.parametrize("name", PORTRAITS)
def test_every_cell_has_a_portrait_or_nothing_to_draw(name):
    cell = devices.get(name)
    if cell.exact:
        with pytest.raises(ValueError, match="nothing to draw"):
            portrait(cell)
        return
    figure = portrait(cell)
    axes = [ax for ax in figure.axes if ax.get_visible() and ax.get_title()]
    assert len(axes) == len(panels(cell)) >= 1
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in axes)
    assert png(figure).startswith(b"\x89PNG") and cell.name in svg(figure)


def test_plot_writes_a_file_or_a_folder(capsys, monkeypatch, tmp_path):
    code, out, _ = run(capsys, monkeypatch, "devices", "ecram-li", "--plot", str(tmp_path / "one.png"))
    assert code == 0 and (tmp_path / "one.png").exists() and "one.png" in out
    code, out, err = run(
        capsys, monkeypatch, "devices", "ecram-li", "--json", "--plot", str(tmp_path / "all")
    )
    assert code == 0 and {p.name for p in (tmp_path / "all").iterdir()} == {"ecram-li.png", "ecram-li.svg"}
    assert "ecram-li" in json.loads(out) and "ecram-li.svg" in err
    code, out, err = run(capsys, monkeypatch, "devices", "ecram-li", "--plot", str(tmp_path / "one.pdf"))
    assert code == 1 and "one.pdf" in err and ".png or .svg" in err
    assert out == ""  # figures are written before anything is printed: a closed pipe loses none
    code, _, err = run(capsys, monkeypatch, "devices", "--plot", str(tmp_path))
    assert code == 1 and "memsim devices NAME" in err


FITS = {
    "soft": (lambda: RERAM.measure(0, 12, 60), ["--technology", "ReRAM"], "step_up [S]"),
    "linear": (
        lambda: ECRAM.measure(0, 12, 40), ["--technology", "ECRAM", "--law", "linear"], "nonlinearity_up",
    ),
    "drift": (lambda: PCM.measure(0, 12), ["--technology", "PCM"], "t_0 [s]"),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_a_fit_writes_a_card_that_makes_the_cell(name, capsys, monkeypatch, tmp_path):
    make, options, key = FITS[name]
    table = write(tmp_path / f"{name}.csv", make())
    code, out, err = run(
        capsys, monkeypatch, "devices", "fit", table, *options, "--out", str(tmp_path / "out")
    )
    assert code == 0 and err == ""
    assert key in out and "95 % interval" in out
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".toml", ".json", ".png", ".svg"}
    card = tmp_path / "out" / f"{name}.toml"
    assert devices.get(card).technology == options[1] and "# 95 %:" in card.read_text("utf-8")
    found = json.loads((tmp_path / "out" / f"{name}.json").read_text("utf-8"))
    assert found["numbers"][key]["low"] < found["numbers"][key]["value"] < found["numbers"][key]["high"]
    code, out, _ = run(capsys, monkeypatch, "devices", str(card))
    assert code == 0 and name in out


def test_an_iv_curve_takes_the_place_of_another(capsys, monkeypatch, tmp_path):
    card, table = tmp_path / "mine.toml", tmp_path / "iv.csv"
    card.write_text(
        'name = "mine"\ntechnology = "PCM"\nsource = "by us, 2026"\n[weight]\n"g_max [S]" = 3e-5\n'
        '"v_0 [V]" = 0.4\n'
    )
    volts = [0.05 * n for n in range(1, 11)]
    table.write_text("V [V],I [A]\n" + "".join(f"{v},{1e-5 * (v + 5 * v**3)}\n" for v in volts))
    words = ["devices", "fit", str(table), "--technology", "PCM", "--into", str(card), "--out", str(tmp_path)]
    assert run(capsys, monkeypatch, *words)[0] == 0
    curve = devices.get(card).curve
    assert curve.cube == pytest.approx(5.0, rel=1e-3) and curve.v_max == 0.5


def test_a_fit_that_cannot_be_is_one_message(capsys, monkeypatch, tmp_path):
    table = write(tmp_path / "few.csv", RERAM.measure(0, 3, 5))
    code, out, err = run(capsys, monkeypatch, "devices", "fit", table, "--technology", "ReRAM")
    assert code == 1 and "few.csv" in out and "step_up [S]" in err and "8 or more" in err
    code, _, err = run(
        capsys, monkeypatch, "devices", "fit", table, "--technology", "ReRAM", "--law", "cubic"
    )
    assert code == 1 and "--law cubic is of I-V curves" in err and "few.csv holds pulse curves" in err
    code, _, err = run(capsys, monkeypatch, "devices", "fit", table, "--technology", "ReRAM", "--law", "cube")
    assert code == 1 and "'cube'" in err and "soft-bounds" in err
    code, _, err = run(capsys, monkeypatch, "devices", "fit", table, "--technology", "ReRAM", "--t-0", "20")
    assert code == 1 and "--t-0 is of retention curves" in err


PRICED = {
    "ReRAM": (RERAM, [], ""),
    "reram": (RERAM, [], ""),
    "HfO2": (RERAM, [], "[prices.pulse-hfo2] and [prices.reset-hfo2]"),
    "RRAM": (RERAM, [], "did you mean reram?"),
    "TaOx": (RERAM, ["--pulse-voltage", "-1.5", "--pulse-time", "1e-7"], ""),
    "ECRAM": (PCM, [], "[prices.program-ecram]"),  # pulses have a price, writes of weights have none
    "PCM": (PCM, [], ""),
}


@pytest.mark.parametrize("technology", PRICED)
def test_a_technology_without_prices_is_said_before_the_fit(technology, capsys, monkeypatch, tmp_path):
    """Said exactly where a comparison would refuse the card, and the remedy removes the refusal."""
    made, more, said = PRICED[technology]
    table = write(tmp_path / "mine.csv", made.measure(0, 12, *([60] if made is RERAM else [])))
    words = ["devices", "fit", table, "--technology", technology, "--out", str(tmp_path), *more]
    code, out, err = run(capsys, monkeypatch, *words)
    assert code == 0
    assert (said in err and "has no price of a write" in err) if said else err == ""
    assert ("next: add the prices, then memsim compare" in out) == bool(said)
    use = "attention" if made is RERAM else "weights"
    card = ChipCard.load("default").replace(**{use: {"cell": str(tmp_path / "mine.toml")}})
    if said:
        with pytest.raises(ValueError, match="no price for"):
            card.check_prices()
    else:
        card.check_prices()


REFUSED = {
    "name": (["--name", "my cell"], "no blanks, beginning with a letter or a digit"),
    "technology": (["--technology", "Ta Ox"], "no blanks, beginning with a letter"),
    "source": (["--source", "me"], "at least 8 characters are needed"),
    "voltage": (["--pulse-voltage", "1500"], "volts between"),
    "time": (["--pulse-time", "50"], "50 ns is 50e-9"),
    "middle": (["--g-mid", "1e-3"], "a conductance in the measured range"),
    "middle of 0": (["--g-mid", "0"], "a conductance in the measured range"),
    "out": (["--out", "mine.csv"], "mine.csv: File exists"),
}


@pytest.mark.parametrize("slip", REFUSED)
def test_options_of_a_fit_are_refused_before_it(slip, capsys, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise AssertionError("the fit was begun")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("memsim.studies.commands.fitting.fit_command", fail)
    write(tmp_path / "mine.csv", RERAM.measure(0, 8, 20))
    options, said = REFUSED[slip]
    words = ["devices", "fit", "mine.csv", "--technology", "ReRAM", "--out", "new", *options]
    code, _, err = run(capsys, monkeypatch, *words)
    assert code == 1 and said in err and "String" not in err
    assert not (tmp_path / "new").exists()


def test_a_table_with_another_layout_and_a_name_with_spaces(capsys, monkeypatch, tmp_path):
    curves = RERAM.measure(0, 12, 60)
    rows = ["Puls;V [V];" + ";".join(f"{name} / uS" for name in curves.devices)]
    for k, (d, g) in enumerate(zip(curves.direction[:, 0], curves.conductance, strict=True)):
        rows.append(";".join([str(k), f"{1.2 * d:g}", *(f"{1e6 * x:.6f}" for x in g)]).replace(".", ","))
    table = tmp_path / "my curves.csv"
    table.write_text("\n".join(rows), encoding="utf-16")
    words = ["devices", "fit", str(table), "--technology", "ReRAM", "--out", str(tmp_path), "--json"]
    code, out, err = run(capsys, monkeypatch, *words)
    assert code == 0 and "UTF-16; separated by semicolons; decimal comma" in err
    found = json.loads(out)
    assert found["card"].endswith("my-curves.toml") and found["yield"]["value"] == 1.0
    assert found["ideal"] == ["noise of a reset", "stuck devices"]
    assert found["not fitted"]["reset [S]"] == found["not fitted"]["g_mid [S]"]


CARDS = {
    "pulsed": {
        "pulsed": {
            "law": "linear", "n_max": 16, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
            "step_down [S]": 1e-6, "reset [S]": 25e-6, "nonlinearity_up": 0.3, "nonlinearity_down": 0.4,
            "write_noise [S]": 1e-7,
        },
        "endurance [cycles]": 1e6,
    },
    "weight": {
        "weight": {
            "g_max [S]": 30e-6, "programming [S]": [1e-6], "drift_exponent": 0.06, "flicker_noise": 0.01,
            "relaxation [S]": -1e-8, "read_noise": 0.01, "iv_cube [1/V^2]": 1.0, "time_energy [eV]": 0.5,
        },
    },
    "ideal": {"weight": {"g_max [S]": 30e-6}},
}  # fmt: skip


@pytest.mark.parametrize("kind", CARDS)
def test_a_card_tells_of_itself_what_its_cell_does(kind):
    card = devices.DeviceCard.parse(
        {"name": "mine", "technology": "PCM", "source": "by us, 2026"} | CARDS[kind]
    )
    found, cell = cell_descriptions.of_card_itself(card).fields, devices.get(card)
    about = cell.describe()
    assert tuple(found["effects"]) == about.effects == cell.effects
    assert found["unsupported"] == about.unsupported and found["kind"] == about.kind
    assert (found["states"] or math.inf) == pytest.approx(about.states)
    assert (found["n_max"], found["one_sided"]) == (about.n_max, about.one_sided)
    assert cell_descriptions.endurance(found) == cell.endurance_range


def test_the_presets_are_recorded_as_they_are():
    """python -m memsim.studies.reports.cell_descriptions records them anew."""
    assert json.loads(cell_descriptions.recorded()) == json.loads(cell_descriptions.RECORD.read_text("utf-8"))


def test_a_cell_of_ones_own_is_built(capsys, monkeypatch):
    cell = replace(devices.get("ideal"), name="ideal-mine")
    devices.register("ideal-mine", lambda: cell)
    try:
        assert "ideal-mine" in run(capsys, monkeypatch, "devices")[1]
        assert run(capsys, monkeypatch, "devices", "Ideal-Mine")[0] == 0
    finally:
        devices.unregister("ideal-mine")


WITHOUT_TORCH = (
    "--help", "--version", "devices", "devices --json", "devices reram-om", "devices PCM-Joshi2020 --json",
    "devices fit --help", "compare --help", "study --help", "report nowhere", "devices nothing",
    "compare --model nothing", "compare --card nothing.toml", "compare --attention nothing", "study nothing",
    "train nothing", "bench nothing",
)  # fmt: skip


def test_what_needs_no_tensor_imports_no_torch():
    code = (
        "import sys\nfrom memsim.studies.cli import main\n"
        f"for words in {WITHOUT_TORCH!r}:\n"
        "    sys.argv = ['memsim', *words.split()]\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
        "    assert not {'torch', 'numba', 'matplotlib'} & sys.modules.keys(), words"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_bad_table_is_refused_before_torch_is_imported(tmp_path):
    table = tmp_path / "bad.csv"
    table.write_text("device,pulse,direction,G\nd,1,up,2\n", "utf-8")
    words = ["devices", "fit", str(table), "--technology", "ReRAM"]
    code = (
        "import sys\nfrom memsim.studies.cli import main\n"
        f"sys.argv = ['memsim', *{words!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "no unit" in done.stderr, done.stderr
