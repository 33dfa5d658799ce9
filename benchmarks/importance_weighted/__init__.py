"""Contenders of the benchmark that trains a VAE by the importance-weighted bound."""
