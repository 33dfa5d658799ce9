"""Continuous relaxations of discrete distributions."""

from kelbo.distributions.relaxed.exp_relaxed_one_hot_categorical import ExpRelaxedOneHotCategorical
from kelbo.distributions.relaxed.relaxed_bernoulli import RelaxedBernoulli
from kelbo.distributions.relaxed.relaxed_one_hot_categorical import RelaxedOneHotCategorical

__all__ = ["ExpRelaxedOneHotCategorical", "RelaxedBernoulli", "RelaxedOneHotCategorical"]
