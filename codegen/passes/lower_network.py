"""The passes from a network as read to one as it is emitted, in order. None changes an output."""

from __future__ import annotations

from codegen.ir.network import Network
from codegen.ir.network_text import validate
from codegen.passes.along_rows import along_rows
from codegen.passes.drop_reshapes import drop_reshapes
from codegen.passes.fold_tables import fold_tables
from codegen.passes.fuse_rows import fuse_rows
from codegen.passes.last_step import last_step
from codegen.passes.separate_outputs import separate_outputs


def lower_network(network: Network, *, fast: bool) -> Network:
    """For the fewest instructions, or for the fewest bytes."""
    network = separate_outputs(network)
    network = drop_reshapes(network)
    network = last_step(network)
    network = fold_tables(network, always=fast)
    network = along_rows(network)
    return validate(fuse_rows(network))
