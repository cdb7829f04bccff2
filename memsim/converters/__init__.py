"""Converters of arrays: kinds of ADC and DAC, what fabrication makes of each, and what calibration leaves."""
