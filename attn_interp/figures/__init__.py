"""A result as a picture: one module per experiment, each with plot, figure, drawn and caption, and one style."""
