"""(Configs, hyperparameters, a seed) → a trained network and its record. The fast loop lives here."""
