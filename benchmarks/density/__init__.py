"""Density estimation with normalizing flows, Kelbo beside flowjax and zuko."""
