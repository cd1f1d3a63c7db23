def network_message(run, *, sample=0, layer=None, unit=None, most_units=16):
    return {"type": "network", "step": run.steps_done, "layers": []}
