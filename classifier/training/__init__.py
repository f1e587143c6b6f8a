"""Features and labels -> a trained model."""
