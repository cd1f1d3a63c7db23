"""How a network learns: rules, feedback, derivatives, the MLP and its equations. Knows no experiment and no screen."""
