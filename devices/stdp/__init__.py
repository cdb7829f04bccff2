"""STDP from physics: spike waveforms, how fast a device changes under a voltage, and the window they make."""
