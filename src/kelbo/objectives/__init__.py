"""Objectives: variational bounds as functions of log densities."""

from kelbo.objectives.elbo import ELBO
from kelbo.objectives.objective import Objective
from kelbo.objectives.terms import LatentTerms

__all__ = ["ELBO", "LatentTerms", "Objective"]
