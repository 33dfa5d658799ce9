"""Central differences of the fourth order, for derivatives that have no formula."""

STEPS = (-2.0, -1.0, 1.0, 2.0)
"""Where the function is asked, in steps from the point."""

WEIGHTS = (1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0)
"""How much each value counts; the sum is divided by the step."""
