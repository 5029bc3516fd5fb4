"""Making a picture judgeable: only the crops that a model will look at, and only when they need it."""
