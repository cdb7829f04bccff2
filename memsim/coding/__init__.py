"""Coding: how a learned matrix becomes devices, and how what they carry becomes numbers."""
