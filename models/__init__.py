"""Simulation models: parameters in, observables out."""
