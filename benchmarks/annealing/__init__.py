"""Contenders of the benchmark of annealed importance sampling; its floor is `log_likelihood`'s."""
