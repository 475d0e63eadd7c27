"""Not for production: generated data, training and evaluation of models."""
