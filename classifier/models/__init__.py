"""Networks: image -> features or logits, and network <-> disk."""
