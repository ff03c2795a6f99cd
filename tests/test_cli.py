"""The command line as a user meets it: what is printed where, and with which exit code."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
from rich.cells import cell_len

from yuanli import demos, syllabus
from yuanli.cli import main, runs
from yuanli.cli.output import as_json

COMMANDS = (
    *("compare", "train", "evaluate", "predict", "generate", "summary", "export"),
    *("data", "topics", "explain", "demo"),
)
HEAVY = {"numba", "scipy", "sklearn", "matplotlib", "pyarrow", "pandas", "PIL", "torch", "jinja2"}


@pytest.fixture
def run(capsys):
    """Run a command in this process: its exit code, its stdout, its stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as exit:
            main([str(a) for a in arguments])
        printed = capsys.readouterr()
        return exit.value.code or 0, printed.out, printed.err

    return run


def in_a_shell(command, **environment):
    """Run `command`, in which "yuanli" is this interpreter's."""
    line = re.sub(r"\byuanli\b", f"{sys.executable} -c 'from yuanli.cli import main; main()'", command)
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=kept | environment, timeout=120
    )


def test_help_names_every_command_and_fits_80_columns(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(re.search(rf"│ {command} ", out) for command in COMMANDS)
    assert max(map(len, out.splitlines())) <= 80
    assert run()[1] == out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Usage: yuanli {command}" in out
    assert re.search(rf"^ yuanli {command} ", out, re.M), "an example in the epilog"


def test_version(run):
    assert run("--version") == (0, "yuanli 0.1.0\n", "")


@pytest.mark.parametrize("line", ["import yuanli.cli", "import yuanli"])
def test_starting_is_quick_and_imports_nothing_heavy(line):
    code = f"{line}, sys, time; print(time.process_time(), *{{m.partition('.')[0] for m in sys.modules}})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds, *modules = out.split()
    assert float(seconds) < 1, "0.3 s of an idle processor; the rest is for a busy one"
    assert not HEAVY & set(modules)


def test_models_import_no_scikit_learn():
    """A first step waits for Numba, and for nothing else that is slow to load."""
    code = "import yuanli.models, yuanli.optim, sys; print(*{m.partition('.')[0] for m in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not (HEAVY - {"numba", "scipy"}) & set(out.split())


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from yuanli.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print({m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    err = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert not HEAVY & set(re.findall(r"'(\w+)'", err))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["trian", "train", "yuanli --help"]),
        (["explain"], ["ID", "yuanli explain --help"]),
        (["explain", "conv", "--cod"], ["--cod", "--code"]),
        (["explain", "convv"], ["convv", "did you mean conv"]),
        (["explain", "conv2d"], ["did you mean conv"]),
        (["demo", "convv"], ["did you mean conv"]),
        (["train", "lenet"], ["--data"]),
        (["train", "lenet", "--data", "digits", "--epochs", "many"], ["--epochs", "integer"]),
    ],
    ids=" ".join,
)
def test_wrong_input_is_one_line_and_exit_code_2(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("yuanli: ")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err


@pytest.mark.parametrize("arguments", [["--debug", "explain", "convv"], ["explain", "convv", "--debug"]])
def test_debug_lets_the_traceback_through(arguments):
    with pytest.raises(LookupError):
        main(arguments)


def test_a_fault_of_our_own_is_not_blamed_on_the_user(run, monkeypatch):
    def fail(id):
        raise KeyError("inside")

    monkeypatch.setattr(syllabus, "find", fail)
    code, out, err = run("explain", "conv")
    assert (code, out) == (1, "")
    assert "--debug" in err
    assert err.count("\n") == 1


def test_topics_lists_every_row_one_a_line_when_piped(run):
    code, out, err = run("topics")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    for topic in syllabus.TOPICS:
        (line,) = [line for line in lines if line.split()[:1] == [topic.id]]
        assert topic.zh in line
        assert topic.en in line
        assert topic.state in line
        assert topic.oracle in line


def test_topics_as_json(run):
    code, out, _ = run("topics", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["id"], row["state"]) for row in rows] == [(t.id, t.state) for t in syllabus.TOPICS]
    assert {"zh", "en", "lives", "oracle", "tests"} <= rows[0].keys()


@pytest.mark.parametrize("topic", syllabus.TOPICS, ids=[topic.id for topic in syllabus.TOPICS])
def test_explain_every_topic(run, topic):
    code, out, err = run("explain", topic.id)
    assert (code, err) == (0, "")
    assert topic.zh in out
    assert topic.en in out
    flat = " ".join(out.split())
    assert topic.differs in flat
    if topic.state == "works":
        assert re.search(r"yuanli/\S+\.py:\d+", out)
        assert all(test in out for test in topic.tests)
        assert f"yuanli demo {topic.id}" in out
    else:
        assert "planned" in out


def test_explain_says_the_same_every_time(run):
    assert "0x" not in run("explain", "pipeline")[1]


def test_explain_shows_formula_code_and_line(run):
    _, out, _ = run("explain", "loss.ce", "--code")
    assert "cross_entropy(" in out
    assert "def grad_" in out
    _, out, _ = run("explain", "loss.ce", "--json")
    (first, *_) = json.loads(out)["objects"]
    assert first["file"].endswith("likelihood_loss.py")
    assert first["line"] > 1
    assert "Source:" in first["text"]


def test_a_reader_that_leaves_early_is_no_error():
    result = in_a_shell("yuanli topics | head -1")
    assert result.stdout.startswith("id ")
    assert result.stderr == ""


def test_no_colours_where_nobody_sees_them(run, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b" not in run("topics")[1] + run("explain", "sigmoid", "--code")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1m" in run("explain", "sigmoid")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in run("explain", "sigmoid", "--code")[1]


def test_topics_fits_80_columns(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = re.sub(r"\x1b\[[\d;]*m", "", run("topics")[1]).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert all(any(line.startswith(f"{topic.id} ") for line in lines) for topic in syllabus.TOPICS)


@pytest.fixture
def stub(monkeypatch):
    """A demonstration with options of every kind, in place of that of `conv`."""

    def demonstration(
        out, seed=0, *, stride: int = 1, scale: float = 0.5, mode: str = "same", bias: bool = True
    ):
        """Slide a filter."""
        numbers = {"seed": seed, "stride": stride, "scale": scale, "mode": mode, "bias": bias}
        return demos.Demonstration([f"stride {stride}"], numbers, [out / "conv.png"])

    monkeypatch.setattr(demos, "demonstration", lambda topic: demonstration)


def test_a_demonstration_takes_options_of_its_own(run, stub, tmp_path):
    given = ("--stride", 3, "--scale", "0.25", "--mode", "valid", "--no-bias", "--seed", 7, "--out", tmp_path)
    code, out, err = run("demo", "conv", *given)
    assert (code, err) == (0, "")
    assert "stride 3" in out
    assert str(tmp_path / "conv.png") in out
    _, out, _ = run("demo", "conv", *given, "--json")
    assert json.loads(out)["numbers"] == {
        "seed": 7,
        "stride": 3,
        "scale": 0.25,
        "mode": "valid",
        "bias": False,
    }
    _, out, _ = run("demo", "conv", "--json")
    assert json.loads(out)["numbers"]["stride"] == 1


def test_a_demonstration_s_help_shows_its_options(run, stub):
    code, out, _ = run("demo", "conv", "--help")
    assert code == 0
    assert "Slide a filter." in out
    assert all(option in out for option in ("--stride", "--scale", "--mode", "--no-bias", "--out", "--json"))


@pytest.mark.parametrize("wrong", [["--strid", "3"], ["--stride", "wide"], ["surplus"]], ids=" ".join)
def test_a_demonstration_refuses_other_options(run, stub, wrong):
    code, out, err = run("demo", "conv", *wrong)
    assert (code, out) == (2, "")
    assert "yuanli demo conv --help" in err
    assert err.count("\n") == 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a small run on digits, made by the command itself, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exit:
        main(["train", "linear", "--data", "digits", "--epochs", "2", "--out", str(folder)])
    assert not exit.value.code, err.getvalue()
    return folder, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three digits of the test set as pictures in a folder."""
    from PIL import Image

    from yuanli.data import load

    folder = tmp_path_factory.mktemp("pictures")
    for i, picture in enumerate(load("digits").test.x[:3, 0]):
        Image.fromarray(picture).save(folder / f"{i}.png")
    return folder


def test_train_keeps_a_run_and_says_what_next(trained):
    folder, out, err = trained
    assert {"config.json", "metrics.jsonl", "model.safetensors", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    assert re.search(r"accuracy +\d\d\.\d\d %", out)
    assert f"yuanli predict {folder} FILE" in out
    assert "epoch 2/2" in err
    assert "epoch" not in out


def test_evaluate(run, trained):
    code, out, _ = run("evaluate", trained[0])
    assert code == 0
    assert "--target names a column" in run("evaluate", trained[0], "--target", "price")[2]
    accuracy = re.search(r"accuracy.*", trained[1])[0]
    assert accuracy in out, "the accuracy train printed"
    _, out, _ = run("evaluate", trained[0], "--json")
    assert f"{100 * json.loads(out)['metrics']['accuracy']:.2f} %" in accuracy


def test_predict_a_picture_and_a_folder(run, trained, pictures):
    code, out, _ = run("predict", trained[0], pictures / "1.png", "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["file"] == str(pictures / "1.png")
    assert answer["answer"] in "0123456789"
    assert 0.1 <= answer["probability"] == answer["best"][0][1] <= 1
    code, out, _ = run("predict", trained[0], pictures)
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        str(pictures / f"{i}.png") for i in range(3)
    ]
    assert f"{answer['answer']}  " in out.splitlines()[3]


def test_a_name_in_brackets_is_a_name(run, trained, pictures, tmp_path):
    for name in ("7 [copy].png", "[red].png", "x[end].png"):
        shutil.copy(next(pictures.rglob("*.png")), tmp_path / name)
    (tmp_path / "x[").mkdir()  # together a path with [/b], which would close what was never opened
    shutil.copy(tmp_path / "[red].png", tmp_path / "x[" / "b].png")
    code, out, _ = run("predict", trained[0], tmp_path)
    assert code == 0
    for name in ("7 [copy].png", "[red].png", "x[end].png", "x[/b].png"):
        assert f"{tmp_path}/{name}" in out


def test_compare_makes_a_table_and_a_report(run, tmp_path):
    code, out, err = run("compare", "iris", "--models", "linear,lenet", "--out", tmp_path / "a")
    assert code == 0
    assert re.search(r"^linear +\d+\.\d\d % +[\d.]+–[\d.]+ % +[\d.]+ s +[\d.e+]+ µs +15$", out, re.M)
    assert "Left out: lenet: it " in out
    assert str(tmp_path / "a" / "report.html") in out
    assert (tmp_path / "a" / "report.html").exists()
    assert "training linear" in err


def test_compare_as_json(run, tmp_path, monkeypatch):
    from yuanli import recipes

    judged = recipes.Evaluation("linear", "blobs", {"accuracy": 0.5, "log_loss": np.nan}, 1.5, 9, 2.0)
    entries = (recipes.Entry("linear", "", "", judged), recipes.Entry("lenet", "", "", unsuited="no images"))
    found = recipes.Comparison("blobs", 0, 320, 80, entries)
    monkeypatch.setattr(recipes, "compare", lambda *parts, **options: found)
    code, out, _ = run("compare", "blobs", "--out", tmp_path / "a", "--json")
    assert code == 0
    linear, lenet = json.loads(out)["entries"]
    assert linear["evaluation"]["metrics"] == {"accuracy": 0.5, "log_loss": None}
    assert (lenet["evaluation"], lenet["unsuited"]) == (None, "no images")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train lenett --data digits", ["lenett", "did you mean lenet"]),
        ("train lenet --data digts", ["digts", "did you mean digits"]),
        ("train lenet --data iris", ["lenet", "iris"]),
        ("train linear --data digits --lr -1", ["lr", "-1"]),
        ("train linear --data digits --optimizer adm", ["adm", "adam"]),
        ("train linear --data nowhere.csv", ["nowhere.csv"]),
        ("train linear --data digits --resume", ["--out"]),
        ("compare digits --models linear,mpl", ["mpl", "mlp"]),
        ("compare digits --models=", ["''", "linear"]),
        ("demo conv --stride 0", ["stride needs a whole number from 1 up", "got 0"]),
        ("compare iris --models lenet --out a", ["iris", "lenet"]),
        ("evaluate nowhere", ["nowhere", "no such folder"]),
        ("predict nowhere 7.png", ["nowhere"]),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("yuanli: ")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert not list(tmp_path.rglob("*.*")), "nothing is left behind"


@pytest.mark.parametrize("file", ["nowhere.png", "broken.png", "table.csv"])
def test_a_file_that_cannot_be_predicted_is_named(run, trained, tmp_path, file):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    code, out, err = run("predict", trained[0], tmp_path / file)
    assert (code, out) == (2, "")
    assert file in err


def test_what_a_damaged_file_holds_does_not_reach_the_terminal(run, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a\n1,\x1b[2J\x07,3\n")
    code, _, err = run("train", "linear", "--data", tmp_path / "a.csv", "--target", "a")
    assert code == 2
    assert "[2J" in err, "the line is shown"
    assert err.strip().isprintable()


def test_commands_to_copy_can_be_pasted(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("train", "linear", "--data", "iris", "--epochs", "1", "--out", "a run")
    assert code == 0
    assert out.endswith("Next: yuanli predict 'a run' FILE\n")


def test_a_command_that_is_none_gets_a_suggestion(run):
    code, _, err = run("trian")
    assert (code, err) == (
        2,
        "yuanli: No such command 'trian'. Did you mean 'train'? `yuanli --help` shows how\n",
    )


def test_ctrl_c_says_how_to_go_on(run, monkeypatch, tmp_path):
    from yuanli import recipes
    from yuanli.training import Interrupted

    def stop(*parts, **options):
        raise Interrupted("interrupted after step 3; saved.  To go on:  yuanli train … --resume")

    monkeypatch.setattr(recipes, "train", stop)
    code, out, err = run("train", "linear", "--data", "digits", "--out", tmp_path / "run")
    assert (code, out) == (130, "")
    assert "--resume" in err
    assert err.count("\n") == 1


def test_a_run_is_resumed_by_the_command_that_began_it(run, trained):
    folder = trained[0]
    before = (folder / "model.safetensors").read_bytes()
    begun = ("train", "linear", "--data", "digits", "--epochs", "2", "--out", folder)
    assert run(*begun)[0] == 2, "a run is never overwritten"
    assert run(*begun, "--resume")[0] == 0
    assert (folder / "model.safetensors").read_bytes() == before


def test_data_lists_every_set(run):
    from yuanli.data import names

    code, out, _ = run("data")
    assert code == 0
    assert set(names()) <= set(re.findall(r"^\w+", out, re.M))
    assert set(json.loads(run("data", "--json")[1])["data_sets"]) == set(names())


def test_help_names_what_there_is():
    from yuanli import recipes

    assert runs.OPTIMIZERS.split(", ") == list(recipes.OPTIMIZERS)
    assert runs.SCHEDULES.split(", ") == list(recipes.SCHEDULES)


def test_json_holds_no_nan():
    value = {"a": np.array([1.0, np.nan]), 2: (np.float32(0.5), -np.inf, np.int64(3), "x", None, True)}
    assert as_json(value) == {"a": [1.0, None], "2": [0.5, None, 3, "x", None, True]}


def test_a_run_is_looked_into(run, trained, tmp_path):
    from PIL import Image

    from yuanli.data import load

    folder = trained[0]
    Image.fromarray(load("digits").test.x[0, 0]).save(tmp_path / "7.png")
    code, out, err = run("inspect", folder, tmp_path / "7.png", "--out", tmp_path / "look")
    assert code == 0
    assert str(tmp_path / "look" / f"{tmp_path.name}-7-evidence.png") in out
    assert "no convolutions" in err
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "7.png", other)
    run("inspect", folder, other / "7.png", "--out", tmp_path / "look")
    assert len(list((tmp_path / "look").iterdir())) == 4, "a second 7.png leaves the first one's pictures"
    code, out, _ = run("stress", folder, "--images", "30", "--out", tmp_path)
    assert code == 0
    assert re.search(r"^rotation +° +0 +10", out, re.M)
    assert (tmp_path / "stress.png").is_file()
    points = json.loads(run("stress", folder, "--images", "30", "--out", tmp_path, "--json")[1])["points"]
    assert {p["disturbance"] for p in points} >= {"rotation", "noise", "background"}
    assert run("stress", folder, "--images", "0")[0] == 2


def test_signs_without_a_font_are_told_in_a_line(run, trained, tmp_path, monkeypatch):
    from yuanli.inspection import style

    rows = "\n".join(f"{i},{'ab'[i % 2]}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"x,class\n{rows}\n")
    options = ("--data", tmp_path / "t.csv", "--target", "class", "--epochs", "1")
    assert style.NO_FONT not in run("train", "linear", *options, "--out", tmp_path / "a")[2]
    rows = rows.replace("a", "\U0001e900")
    (tmp_path / "t.csv").write_text(f"x,class\n{rows}\n", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        _, _, err = run("train", "linear", *options, "--out", tmp_path / "b")
    assert f"yuanli: {style.NO_FONT}\n" in err


def test_models_are_listed_with_their_options(run):
    from yuanli.recipes import RECIPES

    assert re.findall(r"^(\w[\w.-]*) {2,}", run("models")[1], re.M)[1:] == list(RECIPES)
    assert "n_neighbors" in run("models", "knn")[1]
    told = json.loads(run("models", "--json")[1])
    assert (told["lenet"]["options"][0], told["lenet"]["reads"]) == ("epochs", "images")
    assert [("dropout" in told[name]["options"]) for name in ("lenet", "mlp")] == [False, True]
    assert run("models", "nothing")[0] == 2


def test_an_option_of_the_models_own_is_set(run, tmp_path):
    out = tmp_path / "run"
    assert (
        run("train", "knn", "--data", "iris", "--set", "n_neighbors=3", "--set", "p=1", "--out", out)[0] == 0
    )
    settings = json.loads((out / "config.json").read_text())["settings"]
    assert (settings["n_neighbors"], settings["p"]) == (3, 1)
    for wrong, word in (("n_neighbors", "NAME=VALUE"), ("k=3", "no option of knn"), ("p=x", "p")):
        code, _, err = run("train", "knn", "--data", "iris", "--set", wrong)
        assert (code, err.count("\n")) == (2, 1)
        assert word in err


def test_an_option_may_be_set_to_nothing_but_not_twice(run, tmp_path):
    nothing = ("--set", "patience=null", "--set", "clip=null")
    run("train", "mlp", "--data", "iris", "--epochs", "1", *nothing, "--out", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["settings"]["patience"], config["settings"]["clip"]) == (None, None)
    assert config["command"].endswith("--set patience=null --set clip=null")
    for twice in (("--epochs", "3", "--set", "epochs=1"), ("--set", "lr=1", "--set", "lr=2")):
        code, _, err = run("train", "mlp", "--data", "iris", *twice)
        assert (code, err.count("\n")) == (2, 1)
        assert "is given twice" in err
    assert (
        "lr needs a number above 0, got None" in run("train", "mlp", "--data", "iris", "--set", "lr=null")[2]
    )


def test_a_summary_counts_and_sees(run):
    code, out, err = run("summary", "resnet20", "--batch", "2")
    assert (code, err) == (0, "")
    assert re.search(r"^layer3\.2\.conv1 +Conv2d 3×3 +64×8×8 +36,992 +4\.7 +64\.0 kB +73 +4$", out, re.M)
    assert re.search(r"^layer3\.2\.conv2 +Conv2d 3×3 +64×8×8 +36,864 +4\.7 +32\.0 kB +81 +4$", out, re.M)
    assert re.search(r"^layer3\.2\.bn2 +BatchNorm2d +64×8×8 +128 +32\.0 kB +81 +4$", out, re.M)  # and the sum
    assert "parameters         269,722  (and 1,395 running statistics and counters)" in out
    assert "0.081 G, or 0.162 GFLOPs" in out
    assert "81×81 pixels, in steps of 4" in out
    found = json.loads(run("summary", "vgg16", "--input", "1x32x64", "--classes", "7", "--json")[1])
    assert (found["input"], found["rows"][-1]["output"]) == ([1, 32, 64], [7])
    assert "googlenet" in run("summary", "?")[1].split()
    assert "0.417 M, or 0.833 MFLOPs" in run("summary", "lenet")[1]


def test_a_summary_of_a_run(run, tmp_path):
    run("train", "mlp", "--data", "digits", "--epochs", "1", "--out", tmp_path / "mlp")
    found = json.loads(run("summary", tmp_path / "mlp", "--json")[1])
    assert found["input"] == [1, 8, 8]
    assert found["parameters"] == found["macs"] + sum(row["output"][0] for row in found["rows"])  # biases
    run("train", "knn", "--data", "iris", "--out", tmp_path / "knn")
    assert "holds none" in run("summary", tmp_path / "knn")[2]
    assert "--classes is for networks to be built" in run("summary", tmp_path / "mlp", "--classes", "7")[2]
    run("train", "textcnn", "--data", "reviews", "--epochs", "1", "--out", tmp_path / "texts")
    for more in ((), ("--input", "1x1x10")):
        assert "reads texts" in run("summary", tmp_path / "texts", *more)[2]


def test_a_folder_with_a_networks_name_hides_it_only_as_a_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet").mkdir()
    (tmp_path / "mine").mkdir()
    assert run("summary", "lenet")[0] == 0
    assert "mine is not a run" in run("summary", "mine")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resnte50",), "did you mean resnet50"),
        (("vgg16", "--input", "3x31x40"), "at least 32×32 pixels, got 31×40"),
        (("googlenet", "--input", "3x8x8"), "at least 15×15 pixels, got 8×8"),
        (("alexnet_paper", "--input", "3x60x67"), "at least 67×67 pixels"),
        (("resnet50", "--input", "3x224"), "as in 3x224x224"),
        (("resnet50", "--input", "0x224x224"), "in_channels"),
        (("resnet50", "--batch", "0"), "--batch"),
    ],
)
def test_a_summary_of_nothing_says_what_is_wrong(run, arguments, said):
    code, out, err = run("summary", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
