"""The Share tab: take a model away."""
