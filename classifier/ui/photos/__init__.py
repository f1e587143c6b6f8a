"""The Photos tab."""
