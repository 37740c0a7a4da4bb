"""What a lazy plan becomes: nodes of the streaming engine's physical plan, and which of them fall back to memory."""

import re
from typing import NamedTuple

import polars as pl

LABEL = re.compile(r'\[label="((?:[^"\\]|\\.)*)"')


class Node(NamedTuple):
    """A node of a physical plan: its kind, such as ``equi-join``, and what it does."""

    kind: str
    detail: str

    @property
    def falls_back(self) -> bool:
        """Whether the in-memory engine does its work, with all of its input in memory."""
        return self.kind == "in-memory-map"


def physical_nodes(frame: pl.LazyFrame, /) -> list[Node]:
    """The physical plan of the streaming engine, from the result back to its sources."""
    graph = frame.show_graph(engine="streaming", plan_stage="physical", raw_output=True, show=False)
    labels = [label.replace('\\"', '"') for label in LABEL.findall(graph or "")]
    return [
        Node(kind, detail.replace("\\n", "\n").strip())
        for kind, _, detail in (label.partition("\\n") for label in labels)
    ]
