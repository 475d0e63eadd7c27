"""Training of the embedded names model: corpora, augmentation, the trainer and its figures."""
