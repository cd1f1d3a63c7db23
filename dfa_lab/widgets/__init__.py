"""Controls, live chart, explorer. They bind the engine to the screen and compute nothing."""
