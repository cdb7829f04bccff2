"""From measured curves to a device card: tables, estimates with intervals, and the likelihood of pulses."""
