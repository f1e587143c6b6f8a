"""The Try it tab."""
