"""What the emitters of single operators share: where tensors lie, and the tables they define."""

from __future__ import annotations

from dataclasses import dataclass

from codegen.emit.network_tables import Tables
from codegen.ir.network import Network
from codegen.passes.plan_memory import MemoryPlan


@dataclass(frozen=True, slots=True)
class Emission:
    """A network in the course of being written."""

    network: Network
    plan: MemoryPlan
    tables: Tables
    fast: bool  # for the fewest instructions, else for the fewest bytes

    def address(self, index: int, offset: int = 0) -> str:
        """C of a tensor's first element, or one further on."""
        place = self.plan.places[index]
        data = self.network.tensors[index].data
        if data is not None:
            return plus(self.tables.array("int8_t", f"constant_{index}", data), offset)
        base = {"input": "input", "output": "output"}.get(place.base, "memory")
        return plus(base, place.offset + offset)

    def scratch(self, number: int, offset: int = 0) -> str:
        """C of an operator's scratch, or a place in it."""
        return plus("memory", self.plan.scratch[number] + offset)


def plus(base: str, offset: int) -> str:
    """An address some elements further on."""
    return f"{base} + {offset}" if offset else base
