"""Principal components against scikit-learn's definition and by hand."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from kerasgen.evaluation.features.pca import fit_projection


def test_axes_are_the_covariances_eigenvectors():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(50, 6)) @ generator.normal(size=(6, 6)) + 3
    found = fit_projection(features, 3)
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
    np.testing.assert_allclose(found.variances, values[::-1][:3], rtol=1e-10)
    np.testing.assert_allclose(found.explained, values[::-1][:3] / values.sum(), rtol=1e-10)
    likeness = np.abs(np.sum(found.axes * vectors.T[::-1][:3], axis=1))
    np.testing.assert_allclose(likeness, 1, rtol=1e-10)
    points = found(features)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(points.var(axis=0, ddof=1), found.variances, rtol=1e-10)


def test_it_agrees_with_scikit_learn():
    features = np.random.default_rng(1).normal(size=(40, 9)) * np.arange(1, 10)
    theirs = PCA(2, svd_solver="full").fit(features)
    ours = fit_projection(features)
    np.testing.assert_allclose(
        np.abs(ours(features)), np.abs(theirs.transform(features)), rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, rtol=1e-6)


def test_another_set_is_seen_in_the_same_basis():
    """A shift shows: in a basis of its own the shifted set would lie where the first does."""
    generator = np.random.default_rng(2)
    real = generator.normal(size=(80, 4)) * [5, 1, 1, 1]
    found = fit_projection(real)
    moved = found(real + [20, 0, 0, 0])
    np.testing.assert_allclose((moved - found(real))[:, 0], 20 * found.axes[0, 0], rtol=1e-9)
    assert found.axes[0, 0] > 0.9


def test_signs_do_not_depend_on_the_order_of_samples():
    features = np.random.default_rng(3).normal(size=(30, 5))
    np.testing.assert_allclose(fit_projection(features).axes, fit_projection(features[::-1]).axes)


def test_constant_features_have_no_variance():
    found = fit_projection(np.ones((9, 4)))
    assert found.explained.tolist() == [0, 0] and np.isfinite(found.axes).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="from 1 to 3"):
        fit_projection(np.zeros((9, 3)), 4)
    with pytest.raises(ValueError, match="finite"):
        fit_projection(np.full((9, 3), np.nan))
