"""Rewrites of a traced network before it is converted: batch norms into the layers before them, layers named."""

from __future__ import annotations

from torch import Tensor
from torch.fx import GraphModule, Node

_ACTIVATIONS = ("relu", "relu6", "hardtanh", "relu_", "relu6_", "hardtanh_")
_FORWARD = ("conv1d.default", "conv2d.default", "linear.default")
_TRANSPOSED = ("conv_transpose1d.default", "conv_transpose2d.input")


def fold_batch_norms(module: GraphModule) -> None:
    """Folds each batch norm into the convolution or linear layer that feeds it alone, in place.

    scale = weight / sqrt(variance + eps);  W' = W * scale;  b' = (b - mean) * scale + bias

    Args:
        module: what `ExportedProgram.module()` gives, exported in evaluation mode. A batch norm after anything else
            stays.
    """
    graph = module.graph
    for number, norm in enumerate([node for node in graph.nodes if _operator(node) == "batch_norm.default"]):
        layer = norm.args[0]
        axis = {**dict.fromkeys(_FORWARD, 0), **dict.fromkeys(_TRANSPOSED, 1)}.get(_operator(layer))
        grouped = axis == 1 and len(layer.args) > 6 and layer.args[6] != 1
        if axis is None or len(layer.users) > 1 or grouped:
            continue
        gamma, beta, mean, variance = (constant_of(module, node) for node in norm.args[1:5])
        weight = constant_of(module, layer.args[1])
        bias = constant_of(module, layer.args[2]) if len(layer.args) > 2 else None
        if mean is None or variance is None or weight is None:
            continue
        scale = (variance + norm.args[7]).rsqrt() * (1.0 if gamma is None else gamma)
        shape = [1] * weight.ndim
        shape[axis] = -1
        folded_bias = ((0.0 if bias is None else bias) - mean) * scale + (0.0 if beta is None else beta)
        with graph.inserting_before(layer):
            names = [
                _constant(module, f"_folded_{number}_weight", weight * scale.reshape(shape)),
                _constant(module, f"_folded_{number}_bias", folded_bias),
            ]
        layer.args = (layer.args[0], *names, *layer.args[3:])
        norm.replace_all_uses_with(layer)
        graph.erase_node(norm)
    graph.eliminate_dead_code()
    module.recompile()


def name_layers(module: GraphModule) -> None:
    """Labels every node with its layer's whole path (`block1.conv1`, `block1.add`), in place.

    The converter writes these labels into tensor names, of which it keeps the last part only, so dots become slashes.
    An activation that will be fused takes the name of the layer it is fused into.
    """
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue
        source, operator = node.args[0] if node.args else None, _operator(node).split(".")[0]
        if operator in _ACTIVATIONS and isinstance(source, Node) and _is_layer(source):
            node.meta["nn_module_stack"] = source.meta["nn_module_stack"]
        else:
            node.meta["nn_module_stack"] = {"layer": (_label(node, operator), "")}


def last_layers(module: GraphModule) -> list[str]:
    """The layers that make the network's answers, in their order, after `name_layers`."""
    output = next(node for node in module.graph.nodes if node.op == "output")
    return [_path(node) for node in output.all_input_nodes]


def layer_of(tensor_name: str) -> str:
    """The layer's path out of a converted tensor's name: the first that was fused into it."""
    first = next((part for part in tensor_name.split(";") if part), "")
    return first.removeprefix("_").replace("/", ".")


def _is_layer(node: Node) -> bool:
    return len(node.users) == 1 and "nn_module_stack" in node.meta


def _path(node: Node) -> str:
    label, _ = next(iter(node.meta.get("nn_module_stack", {"": (node.name, "")}).values()))
    return str(label).replace("/", ".")


def _label(node: Node, operator: str) -> str:
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    path = stack[-1].removeprefix("model").removeprefix(".") if stack else ""
    kind = str(list(node.meta["nn_module_stack"].values())[-1][1]) if stack else ""
    if not kind.startswith("torch.nn.modules") or "container" in kind:
        path = f"{path}.{operator}" if path else operator  # a function called by a module of the user's own
    return path.replace(".", "/")


def _operator(node: object) -> str:
    """`conv2d.default` for a call of `aten.conv2d.default`, else empty."""
    if not isinstance(node, Node) or node.op != "call_function":
        return ""
    return str(node.target).removeprefix("aten.")


def constant_of(module: GraphModule, node: object) -> Tensor | None:
    """The constant a `get_attr` node reads; None for anything else."""
    if not isinstance(node, Node) or node.op != "get_attr":
        return None
    found: object = module
    for part in str(node.target).split("."):
        found = getattr(found, part)
    return found.detach() if isinstance(found, Tensor) else None


def _constant(module: GraphModule, name: str, value: Tensor) -> Node:
    module.register_buffer(name, value)
    return module.graph.get_attr(name)
