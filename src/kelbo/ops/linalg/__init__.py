"""Linear algebra: all of `keras.ops.linalg`, and the factorizations that say where they fail."""

# ruff: noqa: F401
from keras.ops.linalg import *

from kelbo.ops.linalg.cholesky_updates import cholesky_append, cholesky_update
from kelbo.ops.linalg.factorization import CholeskyError, cholesky
from kelbo.ops.linalg.triangular import (
    add_to_diagonal,
    cho_solve,
    fill_triangular,
    fill_triangular_inverse,
    log_det_from_cholesky,
    solve_triangular,
)
