"""Files made to do harm: each is refused with a typed error, at once, and nothing of it runs."""

import builtins
import decimal
import io
import json
import os
import pickle
import struct
import subprocess
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yuanli.errors import CheckpointError, RefusedError
from yuanli.interchange import pickle_reader, read_weights, torch_files
from yuanli.interchange.pickle_writer import Call, External, Name, write_pickle

FILES = Path(__file__).parents[1] / "references" / "weights"
FLOATS, REBUILD = Name("torch", "FloatStorage"), Name("torch._utils", "_rebuild_tensor_v2")


class Evil:
    """Pickled, it is a call of whatever is given."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def paddle(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "w.pdparams"
    path.write_bytes(content)
    return path


def archive(tmp_path: Path, described: bytes, compression: int = zipfile.ZIP_STORED, **more: bytes) -> Path:
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", described)
        for name, content in more.items():
            file.writestr(f"archive/{name}", content)
    return path


def legacy(tmp_path: Path, described: bytes) -> Path:
    machine = {"protocol_version": 1001, "little_endian": True}
    path = tmp_path / "w.pth"
    parts = (pickle.dumps(1001, 2), write_pickle(machine, 2), described, b"\x80\x02].")
    path.write_bytes(torch_files.LEGACY + b"".join(parts))
    return path


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A file that only an executed payload makes."""
    target = tmp_path / "executed"
    yield target
    assert not target.exists(), "the payload ran"


@pytest.mark.parametrize("protocol", range(5 + 1))
@pytest.mark.parametrize("door", [paddle, archive, legacy])
def test_calls_are_refused(door, protocol, tmp_path, trap):
    command = f"open({str(trap)!r}, 'w')"
    for evil in (
        Evil(os.system, f"touch {trap}"),
        Evil(builtins.eval, command),
        Evil(builtins.exec, command),
        Evil(subprocess.Popen, ["touch", str(trap)]),
        Evil(getattr, "os", "system"),
        Evil(Path, "/"),
    ):
        pickled = pickle.dumps({"a": evil}, protocol)
        if protocol < 2 and door is not archive:
            pickled = b"\x80\x02" + pickled
        with pytest.raises(RefusedError, match="nothing of the file was executed"):
            read_weights(door(tmp_path, pickled))


@pytest.mark.parametrize(
    "code",
    [
        b"(S'touch x'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'touch x'\no.",  # OBJ
        b"ctorch\nFloatStorage\n)\x81.",  # NEWOBJ
        b"ctorch\nFloatStorage\n)}\x92.",  # NEWOBJ_EX
        b"\x82\x01.",  # EXT1
        b"\x83\x01\x00.",
        b"\x84\x01\x00\x00\x00.",
        b"Pid\n.",  # PERSID
        b"ccollections\nOrderedDict\n}R.",  # REDUCE with no tuple
        b"ctorch\nFloatStorage\n)R.",  # REDUCE of what is no function
        b"X\x02\x00\x00\x00os)R.",  # REDUCE of a string
        b"]}b.",  # BUILD of a list
        b"}}(X\x09\x00\x00\x00__class__K\x01ub.",
        b"ccollections\nOrderedDict\n)R]b.",  # BUILD of a dict with a list
        b"ccollections\nOrderedDict\n(]tR.",  # a dict made of items
        b"c__builtin__\neval\n.",
        b"ctorch.FloatStorage\n__class__\n.",
        b"\x8c\x05torch\x8c\x04load\x93.",
        b"K\x01K\x02\x93.",  # STACK_GLOBAL of numbers
        b"}K\x01a.",  # append to a dict
        b"](K\x01K\x02u.",  # items of a list
        b"}(K\x01u.",
        b"}(]K\x01u.",  # a list as a key
        b"}(K\x01\x85K\x01u.",  # a tuple as a key
        b"}(\x8a\x08" + (2**61 - 1).to_bytes(8, "little") + b"K\x01u.",  # a key chosen to collide
        b"NQ.",
        b"K\x01Q.",
    ],
)
def test_instructions_beyond_the_needed_are_refused(code, tmp_path, trap, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for door in (paddle, archive, legacy):
        with pytest.raises(RefusedError):
            read_weights(door(tmp_path, b"\x80\x02" + code))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"N",
        b".",
        b"KK",
        b"(.",
        b"NN.",
        b"0.",
        b"t.",
        b"h\x07.",
        b"\x94.",
        b"K\x01\x86.",
        b"C\xff..",
        b"X\x01\x00\x00\x00\xff.",  # no UTF-8
        b"T\xff\xff\xff\xff.",  # a length of −1
        b"T\x00\x00\x00\x80" * 50 + b".",
        b"\x8e" + b"\xff" * 8 + b".",
        b"\x8d" + struct.pack("<Q", 1 << 40) + b".",
        b"B" + struct.pack("<I", 1 << 31) + b".",
        b"Nr\xff\xff\xff\xff.",  # a memo index of 4 billion: read, and nothing reserved
        b"ctorch",
        b"c" + b"x" * 10_000,
    ],
)
def test_damage_is_an_error_and_reserves_nothing(code, tmp_path):
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        read_weights(paddle(tmp_path, b"\x80\x02" + code))
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def doubled(levels: int) -> bytes:
    """A tuple of two of a tuple of two …: 2^levels leaves in a few bytes."""
    return b"N" + b"q\x00h\x00\x86" * levels


@pytest.mark.parametrize(
    "code",
    [
        doubled(60) + b"q\x01ctorch._utils\n_rebuild_tensor_v2\n(h\x01h\x01h\x01h\x01tR.",
        doubled(60) + b"Q.",
        doubled(60) + b"h\x00\x93.",
        b"cnumpy\ndtype\n" + doubled(60) + b"\x85R.",
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + doubled(60) + b"X\x03\x00\x00\x00cpuK\x01tQ.",
        b"}(" + doubled(60) + b"K\x01u.",
        b"N" + b"\x85" * 50_000 + b"Q.",  # deep
    ],
)
def test_shared_and_deep_values_cost_no_time(code, tmp_path):
    for door in (paddle, archive, legacy):
        began = time.process_time()
        with pytest.raises(CheckpointError):
            read_weights(door(tmp_path, b"\x80\x02" + code))
        assert time.process_time() - began < 2


@pytest.mark.parametrize("code", [b"](" + doubled(60) + b"h\x00e.", doubled(60) + b".", b"K\x01."])
def test_a_part_of_what_has_no_parts_is_refused_at_once(code, tmp_path):
    for door in (paddle, archive):
        began = time.process_time()
        with pytest.raises(CheckpointError, match="no part 'model'; it has no parts"):
            read_weights(door(tmp_path, b"\x80\x02" + code), part="model")
        assert time.process_time() - began < 2


def test_there_is_a_limit_to_the_instructions(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_reader, "MOST_INSTRUCTIONS", 1000)
    with pytest.raises(RefusedError, match="more than 1,000 instructions"):
        read_weights(paddle(tmp_path, b"\x80\x02" + b"]" * 2000))


def tensor(size, stride, offset=0, count=4, storage=None):
    id = External(("storage", FLOATS, "0", "cpu", count)) if storage is None else storage
    return write_pickle({"a": Call(REBUILD, (id, offset, size, stride, False, None))}, 2)


@pytest.mark.parametrize(
    "described",
    [
        tensor((1_000_000, 1_000_000), (0, 0)),  # a terabyte on one number
        tensor((2, 4), (0, 1)),
        tensor((4,), (1,), offset=1),
        tensor((2,), (4,)),
        tensor((4,), (1,), offset=-1),
        tensor((4,), (-1,), offset=3),
        tensor((-1, -4), (1, 1)),
        tensor((2**62, 2**62), (1, 1)),
        tensor((4,), (1, 1)),
        tensor((1,) * 100, (1,) * 100),
        tensor(("4",), (1,)),
        tensor((True,), (1,)),
        tensor((0,), (1,), offset=99),
        tensor((4,), (1,), count=2**40),
        tensor((4,), (1,), count=5),
        tensor((4,), (1,), count=-1),
        tensor("size", (1,)),
        tensor((0, 2**47, 2**47), (1, 1, 1)),
        tensor((1,) * 70, (1,) * 70),
        tensor((4,), (1,), storage="0"),
        tensor((4,), (1,), storage=External(("storage", FLOATS, "../../etc/passwd", "cpu", 4))),
        tensor((4,), (1,), storage=External(("storage", FLOATS, "1", "cpu", 4))),
        tensor((4,), (1,), storage=External(("storage", "f4", 0, "cpu", 4))),
        tensor((4,), (1,), storage=External(("storage", "f2", "0", "cpu", 4))),
        tensor((4,), (1,), storage=External(("module", FLOATS, "0", "cpu", 4))),
        tensor((4,), (1,), storage=External("storage")),
    ],
)
def test_tensors_that_lie_are_refused(described, tmp_path):
    path = archive(tmp_path, described, **{"data/0": np.ones(4, np.float32).tobytes()})
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        read_weights(path)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


@pytest.mark.parametrize("shape", [[0, 2**62, 2**62], [0, 2**40, 2**40], [1] * 70])
def test_shapes_that_are_none_are_refused_in_safetensors(shape, tmp_path):
    numbers = bytes(4 if all(shape) else 0)
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, len(numbers)]}}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + numbers)
    with pytest.raises(CheckpointError):
        read_weights(path)


def test_a_good_tensor_is_read_by_the_same_means(tmp_path):
    path = archive(tmp_path, tensor((2, 2), (1, 2)), **{"data/0": np.arange(4, dtype=np.float32).tobytes()})
    assert read_weights(path)["a"].tolist() == [[0, 2], [1, 3]]


def test_archives_that_swell_are_refused(tmp_path):
    zeros = bytes(50_000_000)
    path = archive(tmp_path, tensor((4,), (1,)), zipfile.ZIP_DEFLATED, **{"data/0": zeros})
    tracemalloc.start()
    with pytest.raises(RefusedError, match="compressed"):
        read_weights(path)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_members_that_overlap_are_refused(tmp_path):
    """Two entries of the directory for the same bytes."""
    path = archive(tmp_path, tensor((4,), (1,)), **{"data/0": bytes(16), "data/1": bytes(5000)})
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")
    entry = content[at : content.rindex(b"PK\x05\x06")]
    end = bytearray(content[content.rindex(b"PK\x05\x06") :])
    for where in (8, 10):
        end[where : where + 2] = struct.pack("<H", 13)
    end[12:16] = struct.pack("<I", struct.unpack("<I", end[12:16])[0] + 10 * len(entry))
    path.write_bytes(content[: content.rindex(b"PK\x05\x06")] + entry * 10 + bytes(end))
    with pytest.raises(RefusedError, match="more bytes than it has"):
        read_weights(path)


def test_names_in_an_archive_reach_nothing(tmp_path):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("../../escaped", "/escaped", "..\\escaped"):
            file.writestr(name, b"x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CheckpointError, match="no data"):
        read_weights(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_programs_and_other_archives_are_refused(tmp_path):
    with pytest.raises(RefusedError, match="TorchScript"):
        read_weights(archive(tmp_path, tensor((4,), (1,)), **{"constants.pkl": b""}))
    with pytest.raises(CheckpointError):
        read_weights(archive(tmp_path, tensor((4,), (1,)), byteorder=b"middle", **{"data/0": bytes(16)}))
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as file:
        for root in "ab":
            file.writestr(f"{root}/data.pkl", tensor((4,), (1,)))
    with pytest.raises(CheckpointError, match="no data"):
        read_weights(tmp_path / "w.pth")


def array(shape=(2,), code="f4", order="<", data=bytes(8)):
    dtype = Call(Name("numpy", "dtype"), (code, False, True), (3, order, None, None, None, -1, -1, 0))
    make = Name("numpy.core.multiarray", "_reconstruct")
    arguments = (Name("numpy", "ndarray"), (0,), b"b")
    return write_pickle({"a": Call(make, arguments, (1, shape, dtype, False, data))}, 4)


def test_an_array_of_objects_is_refused_and_a_good_one_read(tmp_path):
    assert read_weights(paddle(tmp_path, array()))["a"].tolist() == [0, 0]
    for wrong in (
        array(code="O"), array(code="O8", data=(1, 2)), array(code="V8"), array(code="f4,f4"),
        array(shape=(3,)), array(shape=(-2,)), array(shape=(2**40,)), array(shape=(0, 2**60)),
        array(order="x"), array(code="U2"), array(data="text"), array(code=None), array(shape=((2,),)),
    ):  # fmt: skip
        with pytest.raises(CheckpointError):
            read_weights(paddle(tmp_path, wrong))


def test_a_real_pickle_of_objects_is_refused(tmp_path):
    with pytest.raises(RefusedError):
        read_weights(paddle(tmp_path, pickle.dumps({"a": np.array([{}], object)}, 4)))
    with pytest.raises(RefusedError, match="decimal"):
        read_weights(paddle(tmp_path, pickle.dumps({"a": decimal.Decimal(1)}, 4)))


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "protocol4.pdparams", "protocol2.pdparams"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_and_altered_files_are_read_or_refused(name, tmp_path, data):
    """Whatever became of the bytes, there are arrays or there is a CheckpointError."""
    content = bytearray((FILES / name).read_bytes())
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4)
    ):
        content[at] = value
    length = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path / "altered"
    path.write_bytes(bytes(content[:length]))
    try:
        arrays = read_weights(path)
    except CheckpointError:
        return
    assert all(isinstance(array, np.ndarray) and array.size < 1000 for array in arrays.values())


def test_every_truncation_is_noticed(tmp_path):
    for name in ("zip.pth", "protocol4.pdparams"):
        content = (FILES / name).read_bytes()
        path = tmp_path / name
        for length in range(0, len(content), 29):
            path.write_bytes(content[:length])
            with pytest.raises(CheckpointError):
                read_weights(path)


def test_nothing_here_imports_pickle():
    import yuanli.interchange

    for file in Path(yuanli.interchange.__file__).parent.glob("*.py"):
        text = file.read_text()
        assert "import pickle" not in text.replace("import pickle_", ""), file
        assert "torch.load" not in text or "weights_only" in text


def test_reading_zip_needs_a_file(tmp_path):
    (tmp_path / "w").write_bytes(b"PK" + io.BytesIO(b"x" * 100).getvalue())
    with pytest.raises(CheckpointError, match="damaged"):
        read_weights(tmp_path / "w")
