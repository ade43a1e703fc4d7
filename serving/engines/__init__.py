"""Where model servers run. One package for each kind of machine."""
