"""One module per model: what it needs, what it does, what it writes. None of them knows HTTP."""
