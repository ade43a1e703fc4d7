"""Lays a graph out from left to right: causes before effects, few crossings, short edges. Pure.

Sugiyama's method in its three steps: layers by the longest path, order within a layer by
barycentres over a few sweeps, then heights. The last step is exact: given the order, the heights
nearest to what each node's neighbours ask for are an isotonic regression, solved by pooling
adjacent violators. Sources: Sugiyama, Tagawa, Toda (1981); Barlow et al. (1972).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

SWEEPS = 12
N = TypeVar("N", bound=Hashable)
_Slot = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Layout(Generic[N]):
    """The position of everything, in units of one layer across and one node down.

    Attributes:
        places: node to (layer, height); both from 0, heights with fractions.
        bends: edge to the heights at which it passes the layers between its ends, left to right.
    """

    places: Mapping[N, tuple[int, float]]
    bends: Mapping[tuple[N, N], tuple[float, ...]]

    @property
    def layers(self) -> int:
        """Number of layers."""
        return 1 + max((layer for layer, _ in self.places.values()), default=-1)

    @property
    def height(self) -> float:
        """Greatest height."""
        passing = [height for heights in self.bends.values() for height in heights]
        return max([height for _, height in self.places.values()] + passing, default=0.0)


def lay_out(nodes: Sequence[N], edges: Iterable[tuple[N, N]], passing: float = 0.45) -> Layout[N]:
    """Place the nodes of a graph without cycles.

    Args:
        nodes: in the order in which they are preferred from top to bottom.
        edges: (cause, effect).
        passing: room that an edge needs where it passes a layer, where a node needs 1.
    """
    links = sorted(set(edges), key=lambda edge: (nodes.index(edge[0]), nodes.index(edge[1])))
    layer_of = _layers(nodes, links)
    slots: list[list[_Slot]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for node in nodes:
        slots[layer_of[node]].append(("node", node))
    chains: dict[tuple[N, N], list[_Slot]] = {}
    for cause, effect in links:
        between = range(layer_of[cause] + 1, layer_of[effect])
        chain: list[_Slot] = [("edge", (cause, effect, layer)) for layer in between]
        for layer, slot in zip(between, chain, strict=True):
            slots[layer].append(slot)
        chains[cause, effect] = chain
    near = _neighbours(chains)
    _order(slots, near)
    room = {s: 1.0 if s[0] == "node" else passing for layer in slots for s in layer}
    height = _heights(slots, near, room)
    return Layout(
        {node: (layer_of[node], height["node", node]) for node in nodes},
        {edge: tuple(height[slot] for slot in chain) for edge, chain in chains.items()},
    )


def _layers(nodes: Sequence[N], links: Sequence[tuple[N, N]]) -> dict[N, int]:
    """Give each node a layer after all of its causes, and as near to its effects as possible."""
    causes: dict[N, list[N]] = {node: [] for node in nodes}
    effects: dict[N, list[N]] = {node: [] for node in nodes}
    for cause, effect in links:
        causes[effect].append(cause)
        effects[cause].append(effect)
    layer: dict[N, int] = {}
    ordered: list[N] = []
    waiting = {node: len(causes[node]) for node in nodes}
    ready = [node for node in nodes if not waiting[node]]
    while ready:
        node = ready.pop(0)
        ordered.append(node)
        layer[node] = max((layer[cause] + 1 for cause in causes[node]), default=0)
        for effect in effects[node]:
            waiting[effect] -= 1
            if not waiting[effect]:
                ready.append(effect)
    for node in reversed(ordered):
        if effects[node]:
            layer[node] = min(layer[effect] for effect in effects[node]) - 1
    first = min(layer.values(), default=0)
    return {node: at - first for node, at in layer.items()}


def _neighbours(
    chains: Mapping[tuple[N, N], Sequence[_Slot]],
) -> dict[_Slot, tuple[list[_Slot], list[_Slot]]]:
    near: dict[_Slot, tuple[list[_Slot], list[_Slot]]] = {}
    for (cause, effect), chain in chains.items():
        path: list[_Slot] = [("node", cause), *chain, ("node", effect)]
        for left, right in pairwise(path):
            near.setdefault(left, ([], []))[1].append(right)
            near.setdefault(right, ([], []))[0].append(left)
    return near


def _order(slots: list[list[_Slot]], near: Mapping[_Slot, tuple[list[_Slot], list[_Slot]]]) -> None:
    """Sort each layer by its neighbours' positions, back and forth, and keep the best order."""
    best, fewest = [list(layer) for layer in slots], _crossings(slots, near)
    for sweep in range(SWEEPS):
        side = sweep % 2
        for before, layer in pairwise(slots if side == 0 else slots[::-1]):
            layer[:] = _sorted_by(layer, before, {slot: near[slot][side] for slot in near})
        crossings = _crossings(slots, near)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in slots], crossings
    slots[:] = best


def _sorted_by(
    layer: Sequence[_Slot], before: Sequence[_Slot], near: Mapping[_Slot, Sequence[_Slot]]
) -> list[_Slot]:
    """Sort a layer by the mean position of each slot's neighbours in the layer before."""
    position = {slot: i for i, slot in enumerate(before)}
    centres = {}
    for i, slot in enumerate(layer):
        there = [position[n] for n in near.get(slot, ()) if n in position]
        centres[slot] = sum(there) / len(there) if there else float(i)
    return sorted(layer, key=centres.__getitem__)


def _crossings(
    slots: Sequence[Sequence[_Slot]], near: Mapping[_Slot, tuple[list[_Slot], list[_Slot]]]
) -> int:
    total = 0
    for left, right in pairwise(slots):
        position = {slot: i for i, slot in enumerate(right)}
        ends = [
            sorted(position[n] for n in near.get(slot, ([], []))[1] if n in position)
            for slot in left
        ]
        flat = [end for row in ends for end in row]
        total += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1 :])
    return total


def _heights(
    slots: Sequence[Sequence[_Slot]],
    near: Mapping[_Slot, tuple[list[_Slot], list[_Slot]]],
    room: Mapping[_Slot, float],
) -> dict[_Slot, float]:
    height: dict[_Slot, float] = {}
    for layer in slots:
        offsets = _offsets(layer, room)
        middle = offsets[-1] / 2 if offsets else 0.0
        height.update({slot: at - middle for slot, at in zip(layer, offsets, strict=True)})
    for sweep in range(SWEEPS):
        for layer in slots if sweep % 2 == 0 else reversed(slots):
            offsets = _offsets(layer, room)
            wanted = []
            for slot, offset in zip(layer, offsets, strict=True):
                left, right = near.get(slot, ([], []))
                there = [height[n] for n in (*left, *right)]
                target = sum(there) / len(there) if there else height[slot]
                wanted.append(target - offset)
            for slot, offset, at in zip(layer, offsets, _isotonic(wanted), strict=True):
                height[slot] = at + offset
    lowest = min(height.values(), default=0.0)
    return {slot: at - lowest for slot, at in height.items()}


def _offsets(layer: Sequence[_Slot], room: Mapping[_Slot, float]) -> list[float]:
    """Return each slot's least height below the first, with all slots packed closely."""
    offsets = [0.0] if layer else []
    for above, below in pairwise(layer):
        offsets.append(offsets[-1] + (room[above] + room[below]) / 2)
    return offsets


def _isotonic(values: Sequence[float]) -> list[float]:
    """Return the nearest sequence, by least squares, that never falls."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            above, more = pools.pop()
            total, count = total + above, count + more
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
