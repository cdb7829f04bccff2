"""A NIR graph as it comes: read, its edges held against its nodes, its nodes in order, what is lost of it."""

from graphlib import CycleError, TopologicalSorter
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from memsim.models.exchange.nir_attention import in_order
from memsim.models.exchange.nir_graph import DT, FIRES_AT, nir_library

NONE = "no feed-forward network with memsim's neurons computes it"
NEURONS = ("LIF", "IF")


def graph_of(graph: Any) -> Any:
    """Return a graph, or that of a file. ValueError for what is neither, and for files that hold none."""
    nir = nir_library()
    if isinstance(graph, str | Path):
        try:
            graph = nir.read(str(graph), type_check=False)
        except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            reason = str(error).split("\n")[0][:200]
            raise ValueError(f"{graph} cannot be read as a graph of NIR: {reason}") from None
    if not isinstance(graph, nir.NIRGraph):
        raise ValueError(f"a nir.NIRGraph or the path of one is needed, this is a {type(graph).__name__}")
    return graph


def time_step(graph: Any, dt: float | None) -> float:
    """Return the duration of a time step [s]: as given, as memsim wrote it, else 1e-4."""
    step = float(graph.metadata.get("memsim_dt", DT)) if dt is None else float(dt)
    if not (isfinite(step) and step > 0):
        raise ValueError(f"dt = {step}: the duration of a time step in seconds, above 0, is needed")
    return step


def wired(graph: Any) -> tuple[list[str], dict[str, list[str]]]:
    """Return the nodes in order, the output last, and what goes into each.

    ValueError for edges without a node, twice the same edge, nodes without an input, cycles, and other than
    one input and one output.
    """
    nir = nir_library()
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        if source not in sources or target not in sources:
            raise ValueError(
                f"an edge goes from {source!r} to {target!r}, and there are {', '.join(sources)}"
            )
        if source in sources[target]:
            raise ValueError(f"the edge from {source!r} to {target!r} is there twice")
        sources[target].append(source)
    inputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    outputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Output)]
    if len(outputs) != 1 or len(inputs) != 1:
        raise ValueError(f"the graph has inputs {inputs} and outputs {outputs}: one of each is needed")
    for name, node in graph.nodes.items():
        if not sources[name] and name not in inputs:
            raise ValueError(f"node {name!r} has no input")
        sources[name] = in_order(node, sources[name])
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError as error:
        raise ValueError(f"the graph has a cycle, {' -> '.join(error.args[1])}: {NONE}") from None
    return [name for name in order if name != outputs[0]] + outputs, sources


def lost(graph: Any) -> list[str]:
    """Return what memsim's network does not do as the graph says: where membranes begin."""
    return [
        f"{name}: its membrane begins at v_reset={float(np.ravel(node.v_reset)[0]):g}, NIR's at 0"
        for name, node in graph.nodes.items()
        if type(node).__name__ in NEURONS and FIRES_AT not in node.metadata and np.any(node.v_reset)
    ]
