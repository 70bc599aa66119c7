"""Any ONNX file: recognised when it is unambiguous, told about when it is not, and never let out of its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from outpaint_cli import models, runtime
from outpaint_cli.onnxfile import external_files
from outpaint_cli.plugin import ModelError, UsageError
from tests.hub import standins


@pytest.fixture
def write(tmp_path: Path) -> object:
    """Write a model file."""

    def put(data: bytes, name: str = "model.onnx") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    return put


def test_published_contracts_are_recognised(write) -> None:
    lama = models.resolve(write(standins.lama(), "a.onnx"))
    assert (lama.plugin, lama.contract, lama.name) == ("hub", "lama", "a")
    migan = models.resolve(write(standins.migan(), "b.onnx"))
    assert (migan.plugin, migan.contract) == ("hub", "migan")
    assert migan.revision == models.sha256(Path(write(standins.migan(), "b.onnx")))[:12]


def _renamed(data: bytes, old: str, new: str) -> bytes:
    from onnx import load_from_string

    model = load_from_string(data)
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new if value.name == old else value.name
    return model.SerializeToString()


@pytest.mark.parametrize("change", [("output", "out"), ("mask", "m"), ("image", "x")])
def test_what_is_only_like_a_contract_is_not_guessed_but_can_be_chosen(
    write, change: tuple[str, str]
) -> None:
    path = write(_renamed(standins.lama(), *change))
    with pytest.raises(ModelError, match=r"--onnx-contract lama\|lama-unit\|migan") as caught:
        models.resolve(path)
    assert "tensor(float)" in str(caught.value)
    chosen = models.resolve(path, contract="lama-unit")
    assert (chosen.plugin, chosen.contract) == ("hub", "lama-unit")
    assert chosen.revision.endswith(":lama-unit"), "outputs made with another choice are stale"
    assert models.resolve(path, contract="lama").revision != chosen.revision


def test_a_choice_that_can_not_be_is_refused(write) -> None:
    with pytest.raises(ModelError, match="'image' is tensor"):
        models.resolve(write(standins.lama()), contract="migan")
    with pytest.raises(UsageError, match="is not one of lama, lama-unit, migan"):
        models.resolve(write(standins.lama()), contract="pconv")
    with pytest.raises(UsageError, match="goes with a model file"):
        models.resolve("edge", contract="lama")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])])  # fmt: skip
    data = helper.make_model(graph, opset_imports=[standins.OPSET], ir_version=8).SerializeToString()
    with pytest.raises(ModelError, match="not one picture"):
        models.resolve(write(data), contract="lama")


# ------------------------------------------------------------------------------------ external data


def test_weights_beside_the_model_are_read(write, tmp_path: Path) -> None:
    path = Path(write(standins.external("deep/weights.bin"), "m/model.onnx"))
    with pytest.raises(ModelError, match=r"'deep/weights.bin', which is not beside it"):
        runtime.Session(path, "cpu")
    (path.parent / "deep").mkdir()
    (path.parent / "deep" / "weights.bin").write_bytes(np.float32([1, 2, 3, 4]).tobytes())
    (y,) = runtime.Session(path, "cpu").run({"x": np.zeros(4, np.float32)})
    assert y.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "location", ["{outside}", "../secret.bin", "a/../../secret.bin", "..\\secret.bin", "C:\\secret.bin", "link.bin",
                 "*/_ORT_MEM_ADDR_/*", "", "/dev/zero"]
)  # fmt: skip
def test_files_outside_its_folder_are_refused(write, tmp_path: Path, location: str) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.float32([5, 6, 7, 8]).tobytes())
    (tmp_path / "m" / "a").mkdir(parents=True)
    (tmp_path / "m" / "link.bin").symlink_to(secret)
    path = Path(write(standins.external(location.format(outside=secret)), "m/model.onnx"))
    with pytest.raises(ModelError, match=r"refused|not beside it"):
        runtime.Session(path, "cpu")
    with pytest.raises(ModelError, match=r"refused|not beside it"):
        models.resolve(str(path))


def _node(**attributes: object) -> object:
    return helper.make_node("Constant", [], ["c"], **attributes)


def _hidden(place: str, location: str) -> bytes:
    """A model that names external data in an unusual place."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=location)
    nodes, functions, sparse = [], [], []
    if place == "attribute":
        nodes = [_node(value=weight)]
    elif place == "subgraph":
        inner = helper.make_graph([_node(value=weight)], "inner", [], [])
        nodes = [helper.make_node("If", ["b"], ["y"], then_branch=inner, else_branch=inner)]
    elif place == "function":
        functions = [helper.make_function("d", "f", [], ["c"], [_node(value=weight)], [standins.OPSET])]
    else:
        sparse = [
            helper.make_sparse_tensor(weight, helper.make_tensor("i", TensorProto.INT64, [4], range(4)), [9])
        ]
    graph = helper.make_graph(nodes, "g", [], [], sparse_initializer=sparse)
    return helper.make_model(graph, functions=functions, opset_imports=[standins.OPSET]).SerializeToString()


@pytest.mark.parametrize("place", ["attribute", "subgraph", "function", "sparse"])
def test_no_place_for_external_data_is_overlooked(write, place: str) -> None:
    path = Path(write(_hidden(place, "../somewhere")))
    assert external_files(path) == ["../somewhere"]
    with pytest.raises(ModelError, match="refused"):
        runtime.Session(path, "cpu")


def test_bundled_models_read_nothing_else_and_torn_files_are_told(write) -> None:
    from outpaint_cli import registry

    _, card = registry.model_cards()["pconv"]
    assert external_files(card.source) == []
    whole = standins.lama()
    for length in (1, 10, len(whole) - 1):
        with pytest.raises(ModelError, match="not a usable ONNX model"):
            models.resolve(write(whole[:length]))
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        models.resolve(write(b"\x3a\x02\x0b\x0c" + whole))  # a group, which only lax readers skip
