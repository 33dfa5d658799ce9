"""`log_prob` and `sample` of single distributions, Kelbo beside numpyro."""
