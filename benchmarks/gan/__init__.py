"""Contenders of the benchmarks that train a GAN."""
