"""Attacks: random and hostile input through public functions, and what random input once found."""
