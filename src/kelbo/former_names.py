"""Names under which classes were saved once: files that hold them are loaded for good.

A class that is renamed, or exported by another package, gets its former name here. A class that was
never saved under another name has no place here.
"""

# Before packages were part of the names, all lay in one: "kelbo>Normal".
_OF_ONE_PACKAGE = {
    "kelbo.bijectors": """
        Affine AffineTriL Autoregressive BlockAutoregressive Chain CholeskyFactor
        CholeskyOuterProduct CorrelationCholesky Coupling Exp FillTriangular Identity Inline
        Inverse Log LogSimplex Ordered Permute Planar Power Radial RationalQuadraticSpline
        Reshape Scale ScaleTriL Shift Sigmoid Simplex Softplus Split Stack Sylvester Tanh
    """,
    "kelbo.distributions": """
        Bernoulli Beta Binomial Categorical Cauchy ContinuousBernoulli Delta Dirichlet
        DiscretizedLogistic ExpRelaxedOneHotCategorical Expanded Exponential Gamma Geometric
        Gumbel HalfCauchy HalfNormal Independent InverseGamma Kumaraswamy LKJCholesky Laplace
        LogNormal Logistic Masked Mixture MixtureSameFamily MultivariateNormalDiag
        MultivariateNormalFullCovariance MultivariateNormalLowRank MultivariateNormalTriL
        MultivariateStudentT NegativeBinomial Normal OneHotCategorical Poisson RelaxedBernoulli
        RelaxedOneHotCategorical SphericalUniform StudentT Transformed TruncatedNormal Uniform
        VonMises VonMisesFisher Weibull ZeroInflated
    """,
    "kelbo.divergences": """
        InverseMultiquadric Jeffreys KL MonteCarloKL RBF ReverseKL f.Amari f.ArithmeticGeometric
        f.ChiSquare f.Dual f.Jeffreys f.JensenShannon f.KLForward f.KLReverse f.Log1pAbs
        f.ModifiedGAN f.Pearson f.SquaredHellinger f.Symmetrized f.TPower f.Tilted
        f.TotalVariation f.Triangular
    """,
    "kelbo.estimators": """
        DisARM DoublyReparameterized DoublyReparameterizedWakePhase GumbelSoftmax
        LearnedBaseline ModelOnly Pathwise Rebar RunningAverage ScoreFunction StickingTheLanding
        StraightThrough Vimco WakePhase
    """,
    "kelbo.layers": """
        AffineCoupling AffineTransform BatchNormalization Bijection BlockAutoregressiveFlow
        ConditionalAutoregressiveNormal ConditionalBernoulli ConditionalBeta
        ConditionalCategorical ConditionalContinuousBernoulli ConditionalDirichlet
        ConditionalDiscretizedLogistic ConditionalExponential ConditionalGamma
        ConditionalLaplace ConditionalLogNormal ConditionalLogistic ConditionalMixture
        ConditionalMultivariateNormalDiag ConditionalMultivariateNormalLowRank
        ConditionalMultivariateNormalTriL ConditionalNegativeBinomial ConditionalNormal
        ConditionalOneHotCategorical ConditionalPoisson ConditionalStudentT
        ConditionalVonMisesFisher ConditionalWeibull CouplingFlow DenseVariational Flow
        InverseAutoregressive KLDivergence LearnedMixture LearnedNormal LocationScale MADE
        MaskedAutoregressive MaskedDense Noise ParameterHead Permutation PlanarFlow RadialFlow
        ShiftTransform SplineCoupling SplineTransform Standardization StochasticBinarization
        SylvesterFlow VampPrior
    """,
    "kelbo.losses": """
        NegativeLogLikelihood
    """,
    "kelbo.models": """
        ConditionalDensity DensityEstimator VAE
    """,
    "kelbo.objectives": """
        AlphaDivergence BetaELBO BetaTCELBO CIWAE ChiUpperBound ELBO FreeBits IWELBO InfoELBO
        MIWAE PIWAE RenyiBound ReweightedWakeSleep WakeSleep WassersteinMMD
    """,
    "kelbo.ops": """
        FunctionOperation
    """,
    "kelbo.schedules": """
        Constant CyclicalWarmUp ExponentialDecay LinearWarmUp SigmoidWarmUp
    """,
}
_RENAMED = {
    "kelbo.bijectors>BatchNormalization": ("kelbo>BatchNormalizationBijector",),
    "kelbo.bijectors>InvertibleLinear": ("kelbo>InvertibleLinearBijector",),
    "kelbo.divergences>FDivergence": ("kelbo>FDivergenceEstimate",),
    "kelbo.layers>InvertibleLinear": ("kelbo>InvertibleLinearLayer",),
    "kelbo.objectives>FDivergence": ("kelbo>FDivergenceObjective",),
}

FORMER_NAMES: dict[str, tuple[str, ...]] = {
    f"{package}>{name}": (f"kelbo>{name}",)
    for package, names in _OF_ONE_PACKAGE.items()
    for name in names.split()
} | _RENAMED
