"""The public verbs: check, train, evaluate, review."""
