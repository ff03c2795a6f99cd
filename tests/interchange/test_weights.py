"""Weights in and out: files that torch and Paddle wrote, and models that take what fits."""

from pathlib import Path

import numpy as np
import pytest

from tests.references.make_weights import state as saved_state
from yuanli import nn
from yuanli.errors import CheckpointError
from yuanli.interchange import load_weights, read_weights, save_weights

FILES = Path(__file__).parents[1] / "references" / "weights"


def expected(name: str) -> dict[str, np.ndarray]:
    state = saved_state()
    state["half"] = state["half"].astype(np.float32)
    if name.endswith("pth"):
        thirds = (np.arange(4, dtype=np.float32) / 3).view(np.uint32)
        state["brain"] = (thirds + 0x8000 & 0xFFFF0000).astype(np.uint32).view(np.float32)  # rounded
        state["turned"] = state["layer.weight"].T
    return state


def model(classes: int = 2) -> nn.Module:
    rng = np.random.default_rng(1)
    layers = {"conv": nn.Conv2d(1, 2, 3, rng=rng), "norm": nn.BatchNorm2d(2), "flat": nn.Flatten()}
    return nn.Sequential(layers | {"head": nn.Linear(8, classes, rng=rng)})


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "protocol4.pdparams", "protocol2.pdparams"])
def test_what_torch_and_paddle_wrote_is_read(name):
    found = read_weights(FILES / name)
    for key, array in expected(name).items():
        assert found[key].dtype == array.dtype, key
        np.testing.assert_array_equal(found[key], array, err_msg=key)
    assert found.keys() == expected(name).keys()


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".pt", ".pdparams"])
def test_written_weights_come_back(ending, tmp_path):
    first, second = model(), model()
    for p in first.parameters():
        p.data[...] = np.random.default_rng(2).normal(size=p.shape)
    first.norm.running_mean[:] = 3, 4
    save_weights(first, tmp_path / f"w{ending}")
    report = load_weights(second, tmp_path / f"w{ending}", strict=True)
    x = np.random.default_rng(3).normal(size=(2, 1, 4, 4)).astype(np.float32)
    np.testing.assert_array_equal(second.eval()(x).data, first.eval()(x).data)
    assert report.lines() == [
        f"{tmp_path}/w{ending}: {8 if ending == '.pdparams' else 9} of the model's "
        f"{8 if ending == '.pdparams' else 9} arrays taken over"
    ]


def test_writing_twice_gives_the_same_bits(tmp_path):
    for ending in (".safetensors", ".pth", ".pdparams"):
        for name in "ab":
            save_weights(model(), tmp_path / f"{name}{ending}")
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def prefixed(path, prefix):
    """A file with `prefix` before every name of the model, written as safetensors."""
    from safetensors.numpy import save_file

    source = model()
    save_file({prefix + name: np.array(a) for name, a in source.state_dict().items()}, path)
    return source


@pytest.mark.parametrize("prefix", ["module.", "module.backbone.", "learned/", ""])
def test_prefixes_are_taken_off(prefix, tmp_path):
    source, target = prefixed(tmp_path / "w.safetensors", prefix), model()
    target.conv.weight.data[...] = 0
    report = load_weights(target, tmp_path / "w.safetensors", strict=True)
    assert report.prefix == prefix
    np.testing.assert_array_equal(target.conv.weight.data, source.conv.weight.data)


def test_another_last_layer_is_left_as_it_is(tmp_path):
    save_weights(model(), tmp_path / "w.pth")
    target = model(classes=5)
    before = target.head.weight.data.copy()
    report = load_weights(target, tmp_path / "w.pth")
    assert report.misshapen == ["head.weight", "head.bias"]
    assert (report.missing, report.unexpected) == ([], [])
    np.testing.assert_array_equal(target.head.weight.data, before)
    np.testing.assert_array_equal(target.conv.weight.data, model().conv.weight.data)
    assert "misshapen: head.weight, head.bias" in report.lines()
    with pytest.raises(CheckpointError, match=r"head\.weight is \(2, 8\) there and \(5, 8\) here"):
        load_weights(target, tmp_path / "w.pth", strict=True)


def test_missing_and_unexpected_are_named(tmp_path):
    save_weights(nn.Sequential({"conv": nn.Conv2d(1, 2, 3), "more": nn.Linear(2, 2)}), tmp_path / "w.pth")
    report = load_weights(model(), tmp_path / "w.pth")
    assert report.matched == ["conv.weight", "conv.bias"]
    assert report.unexpected == ["more.weight", "more.bias"]
    assert "norm.weight" in report.missing
    with pytest.raises(
        CheckpointError,
        match=r"does not fit Linear: missing nothing; of another shape weight is \(2, 1, 3, 3\)",
    ):
        load_weights(nn.Linear(3, 3), tmp_path / "w.pth")


def test_a_square_linear_layer_is_turned_for_paddle(tmp_path):
    """Where the shape does not tell, the format does."""
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    save_weights(first, tmp_path / "w.pdparams")
    np.testing.assert_array_equal(read_weights(tmp_path / "w.pdparams")["weight"], first.weight.data.T)
    load_weights(second, tmp_path / "w.pdparams")
    np.testing.assert_array_equal(second.weight.data, first.weight.data)


def test_the_names_of_densenet_in_its_published_file(tmp_path):
    from safetensors.numpy import save_file

    target = nn.Sequential(
        {"block": nn.Sequential({"norm1": nn.BatchNorm2d(2), "conv1": nn.Conv2d(2, 2, 1)})}
    )
    old = {name.replace("norm1", "norm.1").replace("conv1", "conv.1"): a + 1
           for name, a in target.state_dict().items()}  # fmt: skip
    save_file({name: np.array(a) for name, a in old.items()}, tmp_path / "w.safetensors")
    load_weights(target, tmp_path / "w.safetensors", strict=True)
    assert target.block.norm1.weight.data.tolist() == [2, 2]


def test_other_names_in_the_same_order(tmp_path):
    source, target = model(), model()
    renamed = nn.Sequential({"a": source.conv, "b": source.norm, "c": source.head})
    source.conv.weight.data[...] = 3
    save_weights(renamed, tmp_path / "w.pdparams")
    with pytest.raises(CheckpointError, match="does not fit"):
        load_weights(target, tmp_path / "w.pdparams")
    load_weights(target, tmp_path / "w.pdparams", by_order=True)
    for mine, theirs in zip(target.parameters(), source.parameters(), strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)
    with pytest.raises(CheckpointError, match=r"head\.weight is \(2, 8\) there and \(3, 8\) here"):
        load_weights(model(classes=3), tmp_path / "w.pdparams", by_order=True)
    with pytest.raises(CheckpointError, match="has 8 arrays, and Linear needs 2"):
        load_weights(nn.Linear(8, 2), tmp_path / "w.pdparams", by_order=True)
    save_weights(renamed, tmp_path / "w.safetensors")  # whose tensors come in any order
    with pytest.raises(CheckpointError, match="keeps no order"):
        load_weights(target, tmp_path / "w.safetensors", by_order=True)


def test_of_several_parts_one_is_named(tmp_path):
    from yuanli.interchange import torch_files

    plain = torch_files.write(model().state_dict())
    (tmp_path / "w.pth").write_bytes(plain)
    with pytest.raises(CheckpointError, match="no part 'ema'"):
        read_weights(tmp_path / "w.pth", part="ema")
    assert read_weights(FILES / "zip.pth", part="model").keys() == read_weights(FILES / "zip.pth").keys()


def test_bad_paths_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        read_weights(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("this is no file of weights")
    with pytest.raises(CheckpointError, match="no file of weights that is known"):
        read_weights(tmp_path / "text.pth")
    with pytest.raises(CheckpointError, match=r"written as \.safetensors, \.pth"):
        save_weights(model(), tmp_path / "w.h5")


def test_half_floats_of_safetensors_are_widened(tmp_path):
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + b"\x80\x3f\x00\xc0")
    assert read_weights(tmp_path / "w")["a"].tolist() == [1, -2]


@pytest.mark.reference
def test_torch_loads_what_is_written(tmp_path):
    import torch

    ours = model()
    for p in ours.parameters():
        p.data[...] = np.random.default_rng(2).normal(size=p.shape)
    save_weights(ours, tmp_path / "w.pth")
    layers = {"conv": torch.nn.Conv2d(1, 2, 3), "norm": torch.nn.BatchNorm2d(2)}
    theirs = torch.nn.Sequential()
    for name, layer in (layers | {"flat": torch.nn.Flatten(), "head": torch.nn.Linear(8, 2)}).items():
        theirs.add_module(name, layer)
    theirs.load_state_dict(torch.load(tmp_path / "w.pth", weights_only=True))
    x = np.random.default_rng(3).normal(size=(2, 1, 4, 4)).astype(np.float32)
    with torch.no_grad():
        y = theirs.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours.eval()(x).data, y, rtol=1e-5, atol=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize("new", [True, False])
def test_a_checkpoint_of_torch_with_its_optimiser(new, tmp_path):
    import torch

    theirs = torch.nn.LSTM(3, 4, bidirectional=True)
    theirs(torch.ones(2, 1, 3))[0].sum().backward()
    optimizer = torch.optim.Adam(theirs.parameters())
    optimizer.step()
    path = tmp_path / "w.pth"
    whole = {"model": theirs.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1, "lr": 1e-3}
    torch.save(whole, path, _use_new_zipfile_serialization=new)
    ours = nn.LSTM(3, 4, bidirectional=True)
    load_weights(ours, path, strict=True)
    x = np.random.default_rng(3).normal(size=(5, 2, 3)).astype(np.float32)
    with torch.no_grad():
        y = theirs(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(ours(x)[0].data, y, rtol=1e-5, atol=1e-6)
