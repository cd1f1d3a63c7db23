"""One training run, headless: settings, data, the engine, its record, its thread. Knows no widget and no plot."""
