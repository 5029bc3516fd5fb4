"""The moving average of weights is what its formula says, and the weights are as they were after it was in place."""

import keras
import numpy as np
import pytest

from tapetum_trainer.ema import Average


def test_an_average_follows_the_weights_and_gives_them_back():
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    average = Average(network, 0.9)
    wanted = [np.array(value) for value in average.values]
    random = np.random.default_rng(1)
    for step in range(1, 4):
        for variable in network.variables:
            variable.assign(random.normal(size=variable.shape))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = [
            decay * old + (1 - decay) * keras.ops.convert_to_numpy(new)
            for old, new in zip(wanted, network.variables, strict=True)
        ]
    own = [np.array(keras.ops.convert_to_numpy(variable)) for variable in network.variables]
    with average.in_place():
        found = [np.array(keras.ops.convert_to_numpy(variable)) for variable in network.variables]
    assert all(np.allclose(one, other, atol=1e-6) for one, other in zip(found, wanted, strict=True))
    assert all(
        np.array_equal(one, keras.ops.convert_to_numpy(two)) for one, two in zip(own, network.variables, strict=True)
    )


def test_a_long_average_takes_in_every_fourth_state_and_stays_as_long():
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    average = Average(network, 0.99)
    expected, found = float(average.values[0].item()), []
    for step in range(1, 1301):
        network.variables[0].assign([[step / 1300]])
        average.update(step)
        decay = min(0.99, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step / 1300
        found.append((average.values[0].item(), expected))
    assert all(one == pytest.approx(other, abs=1e-4) for one, other in found[:100])
    assert all(one == pytest.approx(other, abs=4 / 1300) for one, other in found)
    assert len({one for one, _ in found[-41:]}) == 11
