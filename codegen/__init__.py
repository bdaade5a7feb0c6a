"""wattprint: codegen."""
