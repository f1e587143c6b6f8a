"""Predictions and labels -> scores, intervals, label issues, out-of-distribution scores, heat maps."""
