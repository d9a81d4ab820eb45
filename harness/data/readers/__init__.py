"""Where sequences come from: a module a kind of source; each ends in a `Series` or in `Sequences`."""
