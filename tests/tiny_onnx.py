"""Small ONNX models of a user's own: a GRU over windows of joints, also in torch, and a rule on a hand's height."""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from hitrs_live.skeleton import NTU25

LABELS = ("background", "wave_left", "wave_right")
METADATA: dict[str, object] = {
    "labels": LABELS, "rate_hz": 30, "window_frames": 12, "step_frames": 4, "label_lag_frames": 2,
}  # fmt: skip
HIDDEN = 8
_JOINTS, _VALUES = 25, 75


class TinyGru:
    """The model, by torch: logits by a GRU over centred joints; the future repeats the newest pose."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.gru = nn.GRU(_VALUES, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, len(LABELS))

    @torch.inference_mode()
    def predict(self, window_m: Tensor, horizon: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (N, K), future joints (N, F, 25, 3) and scales (N, F, 25). window_m: (N, W, 25, 3)."""
        centred = window_m - window_m[:, -1:, :1]
        _, last = self.gru(centred.flatten(2))
        future_m = window_m[:, -1:].expand(-1, horizon, -1, -1)
        return self.head(last[0]), future_m, torch.full((len(window_m), horizon, _JOINTS), 0.1)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights in ONNX's order of gates: z, r, h, where torch has r, z, n."""

        def gates(value: Tensor) -> NDArray[np.float32]:
            reset, update, new = value.detach().chunk(3)
            return torch.cat((update, reset, new)).numpy()

        gru = self.gru
        biases = np.concatenate((gates(gru.bias_ih_l0), gates(gru.bias_hh_l0)))
        return {
            "input_weights": gates(gru.weight_ih_l0)[None],
            "hidden_weights": gates(gru.weight_hh_l0)[None],
            "biases": biases[None],
            "head_weights": self.head.weight.detach().numpy(),
            "head_bias": self.head.bias.detach().numpy(),
        }


def write_onnx(
    path: Path, metadata: dict[str, object] | str | None, *, horizon: int = 0, batch: int | str = "N", window: int = 12
) -> TinyGru:
    """Write the graph with `onnx.helper`. metadata: for the key `hitrs_live_stream`; None for none."""
    model = TinyGru()
    nodes = [
        helper.make_node("Slice", ["joints_m", "last", "end", "time_axis"], ["newest"]),
        helper.make_node("Slice", ["newest", "zero", "one", "joint_axis"], ["root"]),
        helper.make_node("Sub", ["joints_m", "root"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["time_first"], perm=[1, 0, 2, 3]),
        helper.make_node("Reshape", ["time_first", "flat"], ["sequence"]),
        helper.make_node(
            "GRU", ["sequence", "input_weights", "hidden_weights", "biases"], ["", "state"], hidden_size=HIDDEN,
            linear_before_reset=1,
        ),
        helper.make_node("Squeeze", ["state", "zero"], ["features"]),
        helper.make_node("Gemm", ["features", "head_weights", "head_bias"], ["logits"], transB=1),
    ]  # fmt: skip
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, len(LABELS)])]
    constants = {"last": [-1], "end": [np.iinfo(np.int64).max], "time_axis": [1], "joint_axis": [2], "zero": [0],
                 "one": [1], "flat": [0, -1, _VALUES]}  # fmt: skip
    arrays = {name: np.array(value, np.int64) for name, value in constants.items()} | model.weights()
    if horizon:
        nodes += [
            helper.make_node("Tile", ["newest", "repeats"], ["future_joints_m"]),
            helper.make_node("ReduceSum", ["future_joints_m", "last"], ["per_joint"], keepdims=0),
            helper.make_node("Mul", ["per_joint", "nothing"], ["zeros"]),
            helper.make_node("Add", ["zeros", "scale"], ["scales_m"]),
        ]
        arrays |= {
            "repeats": np.array([1, horizon, 1, 1], np.int64),
            "nothing": np.zeros((), np.float32),
            "scale": np.array(0.1, np.float32),
        }
        outputs.append(helper.make_tensor_value_info("future_joints_m", TensorProto.FLOAT, [batch, horizon, 25, 3]))
        outputs.append(helper.make_tensor_value_info("scales_m", TensorProto.FLOAT, [batch, horizon, 25]))
    joints = helper.make_tensor_value_info("joints_m", TensorProto.FLOAT, [batch, window, 25, 3])
    initialisers = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    _save(path, helper.make_graph(nodes, "tiny_gru", [joints], outputs, initialisers), metadata)
    return model


def write_hand_up(path: Path) -> None:
    """Write a model whose class `hand_up` grows with the height of the right wrist over the head, now."""
    heights = np.zeros((2, _VALUES), np.float32)
    heights[1, 3 * NTU25.index("right_wrist") + 1], heights[1, 3 * NTU25.index("head") + 1] = 40.0, -40.0
    arrays = {
        "last": np.array(-1, np.int64), "flat": np.array([-1, _VALUES], np.int64), "heights": heights,
    }  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["joints_m", "last"], ["newest"], axis=1),
        helper.make_node("Reshape", ["newest", "flat"], ["values"]),
        helper.make_node("Gemm", ["values", "heights"], ["logits"], transB=1),
    ]
    joints = helper.make_tensor_value_info("joints_m", TensorProto.FLOAT, ["N", 4, 25, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])
    initialisers = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    metadata = {"labels": ["background", "hand_up"], "rate_hz": 30, "window_frames": 4, "step_frames": 2,
                "label_lag_frames": 0}  # fmt: skip
    _save(path, helper.make_graph(nodes, "hand_up", [joints], [logits], initialisers), metadata)


def _save(path: Path, graph: onnx.GraphProto, metadata: dict[str, object] | str | None) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        helper.set_model_props(model, {"hitrs_live_stream": text})
    onnx.save(model, path)
