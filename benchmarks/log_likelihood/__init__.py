"""Contenders of the benchmark of the importance-sampled log-likelihood."""
