"""The functions as nodes of functional models: shapes, values, saving."""

import keras
import numpy as np
import pytest

from kelbo import ops

pytestmark = pytest.mark.core

_rng = np.random.default_rng(0)

# What each function is applied to, the shape of one example, and the shape of its result.
CASES = {
    **{
        name: (getattr(ops, name), (3,), (3,))
        for name in (
            "lgamma",
            "digamma",
            "logit",
            "log1mexp",
            "softplus_inverse",
            "normal_cdf",
            "normal_quantile",
            "log_normal_cdf",
            "bessel_i0e",
            "bessel_i1e",
            "bessel_ratio",
        )
    },
    "betaln": (lambda x: ops.betaln(x, b=2.0), (3,), (3,)),
    "log_normalized_bessel_ie": (
        lambda x: ops.log_normalized_bessel_ie(x, order=1.5),
        (3,),
        (3,),
    ),
    "log_normal_cdf_difference": (
        lambda x: ops.log_normal_cdf_difference(x, b=1.0),
        (3,),
        (3,),
    ),
    "gammainc": (lambda x: ops.gammainc(x, x), (3,), (3,)),
    "gammaincc": (lambda x: ops.gammaincc(2.0, x), (3,), (3,)),
    "betainc": (lambda x: ops.betainc(x, 2.0, x=x), (3,), (3,)),
    "xlogy": (lambda x: ops.xlogy(x, x), (3,), (3,)),
    "xlog1py": (lambda x: ops.xlog1py(2.0, x), (3,), (3,)),
    "fill_triangular": (ops.fill_triangular, (6,), (3, 3)),
    "fill_triangular_inverse": (ops.fill_triangular_inverse, (3, 3), (6,)),
    "add_to_diagonal": (lambda x: ops.add_to_diagonal(x, 2.0), (3, 3), (3, 3)),
    "log_det_from_cholesky": (ops.log_det_from_cholesky, (3, 3), ()),
    "solve_triangular": (
        lambda x: ops.solve_triangular(x, x, lower=False, transpose=True),
        (3, 3),
        (3, 3),
    ),
    "cho_solve": (lambda x: ops.cho_solve(x, x), (3, 3), (3, 3)),
    "cholesky": (
        lambda x: ops.cholesky(ops.add_to_diagonal(x, 5.0), jitter=1e-5, name="weights"),
        (3, 3),
        (3, 3),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.few(8)
def test_a_functional_model_holds_it_and_is_saved_with_it(name, tmp_path):
    function, shape, result_shape = CASES[name]
    inputs = keras.Input(shape)
    outputs = function(inputs)
    assert tuple(outputs.shape) == (None, *result_shape)
    assert outputs.dtype == "float32"
    model = keras.Model(inputs, outputs)
    x = _rng.uniform(0.2, 0.8, (4, *shape)).astype("float32")
    expected = keras.ops.convert_to_numpy(function(ops.convert_to_tensor(x)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        result = keras.ops.convert_to_numpy(each(x))
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
