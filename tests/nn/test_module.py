"""Module: what is found, saved, loaded, switched; against hand-written answers."""

import copy

import numpy as np
import pytest

from yuanli import Tensor, manual_seed, nn
from yuanli.errors import CheckpointError, DTypeError, ModelError, ValueRangeError


class Block(nn.Module):
    """No super().__init__(), a parameter after a child, a buffer, a child used twice."""

    def __init__(self):
        self.first = nn.Linear(2, 2)
        self.scale = nn.Parameter([1.0, 2.0])
        self.register_buffer("steps", 0)
        self.again = self.first
        self.last = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))

    def forward(self, x):
        return self.last(self.again(self.first(x)) * self.scale)


def test_what_is_found_in_which_order():
    block = Block()
    assert [n for n, _ in block.named_parameters()] == [
        "scale",
        "first.weight",
        "first.bias",
        "last.0.weight",
        "last.0.bias",
    ]
    assert [n for n, _ in block.named_parameters(recurse=False)] == ["scale"]
    assert [n for n, _ in block.named_buffers()] == ["steps"]
    assert [n for n, _ in block.named_modules()] == ["", "first", "last", "last.0", "last.1"]
    assert [n for n, _ in block.named_children()] == ["first", "last"]
    assert list(block.children()) == [block.first, block.last]
    assert sum(p.size for p in block.parameters()) == 2 + 6 + 9
    assert [n for n, _ in block.named_parameters(prefix="net")][:2] == ["net.scale", "net.first.weight"]


def test_state_names_a_shared_module_twice_as_torch_does():
    names = ["scale", "steps", "first.weight", "first.bias", "again.weight", "again.bias"]
    assert list(Block().state_dict()) == [*names, "last.0.weight", "last.0.bias"]


def test_a_shared_parameter_is_yielded_once():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    assert len(list(nn.Sequential(a, b).parameters())) == 3


def test_a_module_inside_itself_does_not_hang():
    inner, outer = nn.Linear(1, 1), nn.Sequential()
    outer.append(inner)
    inner.parent = outer
    assert [n for n, _ in outer.named_modules()] == ["", "0"]
    assert list(outer.state_dict()) == ["0.weight", "0.bias"]
    assert "(parent): Sequential(…)" in repr(outer)
    assert not outer.eval().training


@pytest.mark.parametrize(
    "hidden",
    [
        [nn.Linear(1, 1)],
        (nn.Parameter([1.0]),),
        {"a": nn.ReLU()},
        [[1, 2], [3, {"deep": (nn.ReLU(),)}]],
        {nn.ReLU()},
    ],
    ids=["list", "tuple", "dict", "nested", "set"],
)
@pytest.mark.parametrize("collect", ["parameters", "state_dict", "train", "zero_grad"])
def test_parameters_in_plain_containers_are_an_error(hidden, collect):
    model = nn.Sequential(nn.ReLU())
    model[0].kept = hidden
    with pytest.raises(ModelError, match=r"ReLU\.kept .* nn\.ModuleList"):
        list(getattr(model, collect)() or ())


def test_other_containers_are_left_alone():
    model = nn.Linear(1, 1)
    model.names = ["a", ["b"], {"c": 1}]
    model.names.append(model.names)  # a list inside itself
    assert len(list(model.parameters())) == 2


def test_forward_is_needed():
    with pytest.raises(NotImplementedError, match="Module needs a method forward"):
        nn.Module()(1)


def test_a_parameter_owns_its_numbers():
    array = np.ones(3, np.float32)
    parameter = nn.Parameter(array)
    parameter.data[0] = 7
    assert array[0] == 1
    assert parameter.requires_grad
    assert not nn.Parameter(array, requires_grad=False).requires_grad
    with pytest.raises(DTypeError, match="only float tensors"):
        nn.Parameter([1, 2])


def test_a_model_trains_only_what_is_not_frozen():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    model(Tensor(np.ones((1, 2), np.float32))).sum().backward()
    assert model[0].weight.grad is None
    np.testing.assert_array_equal(model[1].bias.grad, [1.0])
    model.zero_grad()
    assert model[1].bias.grad is None


def test_train_and_eval_reach_every_module():
    block = Block()
    assert block.training
    assert block.last[1].training
    assert block.eval() is block
    assert not any(m.training for m in block.modules())
    assert all(m.training for m in block.train().modules())
    with pytest.raises(ModelError, match="True or False"):
        block.train("no")


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueRangeError, match="manual_seed needs a whole number from 0 up, got"):
        manual_seed(seed)


def test_a_state_is_a_copy_and_loads_back():
    manual_seed(0)
    block, other = Block(), Block()
    state = block.state_dict()
    before = block.first.weight.data.copy()
    held = block.first.weight.data
    block.first.weight.data += 1
    block.steps += 3
    np.testing.assert_array_equal(state["first.weight"], before)
    assert state["steps"] == 0
    assert other.load_state_dict(state) == ([], [])
    assert block.load_state_dict(state) == ([], [])
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
        assert value.dtype == state[name].dtype
    assert block.first.weight.data is held  # optimisers may hold the array
    assert state["steps"].dtype == np.int64


def test_loading_casts_to_the_dtype_of_each_entry():
    model = nn.BatchNorm1d(2)
    state = {k: v.astype(np.float64) + 1 for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    assert model.weight.dtype == np.float32
    assert model.num_batches_tracked.dtype == np.int64
    assert model.num_batches_tracked == 1
    model.load_state_dict({"weight": [1e300, 1]}, strict=False)
    assert model.weight.data.tolist() == [np.inf, 1]


def test_loading_names_every_entry_that_does_not_fit_and_changes_nothing():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = model.state_dict()
    state = {k: v + 1 for k, v in before.items()}
    del state["0.bias"], state["1.num_batches_tracked"]
    state |= {
        "extra": np.ones(1),
        "0.weight": np.ones((3, 3)),
        "1.bias": ["a"] * 3,
        "1.weight": [[1], [1, 2]],
    }
    with pytest.raises(CheckpointError) as error:
        model.load_state_dict(state)
    for part in (
        "Sequential",
        "missing 0.bias",
        "missing 1.num_batches_tracked",
        "unexpected extra",
        "0.weight needs float32[3, 2], got float64[3, 3]",
        "1.bias needs float32[3], got no array of numbers",
        "1.weight needs float32[3], got no array of numbers",
    ):
        assert part in str(error.value)
    with pytest.raises(CheckpointError) as error:
        model.load_state_dict(state, strict=False)
    assert "missing" not in str(error.value)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    with pytest.raises(CheckpointError, match="a dict of name → array, got list"):
        model.load_state_dict([1])


def test_a_shared_entry_needs_one_of_its_names_and_one_value():
    block = Block()
    state = {k: v for k, v in block.state_dict().items() if not k.startswith("again")}
    state["first.bias"] += 1
    assert block.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(block.again.bias.data, state["first.bias"])
    state["again.bias"] = state["first.bias"].astype(np.float64)
    block.load_state_dict(state)
    state["again.bias"] += 1
    with pytest.raises(
        CheckpointError, match=r"first\.bias and again\.bias are one array here, but not in the state"
    ):
        block.load_state_dict(state)
    state["again.bias"] = "?"
    with pytest.raises(CheckpointError, match=r"again\.bias needs"):
        block.load_state_dict(state)


def test_loading_what_fits():
    model = nn.Linear(2, 1)
    result = model.load_state_dict({"bias": Tensor([5.0]), "other": 1}, strict=False)
    assert result.missing_keys == ["weight"]
    assert result.unexpected_keys == ["other"]
    assert model.bias.data == [5.0]


def test_buffers():
    model = nn.Module()
    model.register_buffer("none", None)
    mine = np.zeros(2)
    model.register_buffer("sums", mine)
    model.sums += 1
    assert mine[0] == 0
    assert list(model.state_dict()) == ["sums"]
    assert [b.tolist() for b in model.buffers()] == [[1, 1]]
    for name in ("sums", "forward", "a.b"):
        with pytest.raises(ModelError, match="unused attribute name"):
            model.register_buffer(name, 1)


def test_generators_are_found_once_each():
    rng, other = np.random.default_rng(0), np.random.default_rng(1)
    model = nn.Sequential(
        nn.Dropout(rng=rng), nn.Dropout(), nn.Sequential(nn.Dropout(rng=other), nn.Dropout(rng=rng))
    )
    assert list(model.generators()) == [rng, other]


def test_to_casts_parameters_and_statistics_but_not_counts():
    model = nn.BatchNorm1d(2).to(np.float64)
    dtypes = {k: str(v.dtype) for k, v in model.state_dict().items()}
    assert set(dtypes.values()) == {"float64", "int64"}
    assert dtypes["num_batches_tracked"] == "int64"
    with pytest.raises(DTypeError, match="float32 or float64, got int32"):
        model.to("int32")


def test_apply_visits_children_before_parents():
    visited = []
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    assert model.apply(lambda m: visited.append(type(m).__name__)) is model
    assert visited == ["Tanh", "Sequential", "ReLU", "Sequential"]


def test_a_copy_shares_nothing():
    block = Block()
    other = copy.deepcopy(block)
    other.scale.data += 1
    assert block.scale.data.tolist() == [1, 2]
    assert other.again is other.first


def test_repr_is_a_tree():
    assert repr(nn.Sequential({"hidden": nn.Linear(2, 3, bias=False), "rest": nn.Sequential(nn.ReLU())})) == (
        "Sequential(\n"
        "  (hidden): Linear(in_features=2, out_features=3, bias=False)\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
