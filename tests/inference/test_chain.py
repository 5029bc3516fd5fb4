"""Which accelerator is tried when: the rules alone, on a clock of the test's."""

import pytest

from tapetum.inference.accelerators import Cpu, Delegate, EdgeTpu, names
from tapetum.inference.chain import FIRST_REST_S, GIVE_UP, LONGEST_REST_S, PAUSE_S, PROVEN_S, Chain


class Time:
    """Seconds that pass when told to."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def chain(time: Time) -> Chain:
    return Chain(["edgetpu", "cpu"], time)


def test_the_best_is_tried_first(chain: Chain):
    assert chain.usable() == [0, 1]


def test_one_that_fails_rests_and_the_next_takes_over(chain: Chain, time: Time):
    chain.failed(0, "gone")
    assert chain.usable() == [1]
    assert chain.wait_s(before=1) == FIRST_REST_S
    time.now_s += FIRST_REST_S
    assert chain.usable() == [0, 1]
    assert chain.wait_s(before=1) == 0


def test_it_rests_twice_as_long_each_time_up_to_a_bound(chain: Chain, time: Time):
    rests = []
    for _ in range(9):
        chain.failed(0, "gone")
        rests.append(chain.wait_s(before=1))
    assert rests[:4] == [5, 10, 20, 40]
    assert rests[-1] == LONGEST_REST_S


def test_one_that_fails_soon_after_its_return_rests_longer_and_one_that_is_proven_begins_anew(chain: Chain, time: Time):
    chain.failed(0, "gone")
    time.now_s += FIRST_REST_S
    chain.serves(0)
    chain.answered(0)
    chain.failed(0, "gone again")
    assert chain.wait_s(before=1) == 2 * FIRST_REST_S
    time.now_s += 2 * FIRST_REST_S
    chain.serves(0)
    time.now_s += PROVEN_S
    chain.answered(0)
    chain.failed(0, "gone after a while")
    assert chain.wait_s(before=1) == FIRST_REST_S


def test_the_last_is_tried_again_at_once_until_it_is_given_up_for_a_while(chain: Chain, time: Time):
    chain.failed(0, "gone")
    for _ in range(GIVE_UP - 1):
        chain.failed(1, "crashed")
        assert chain.usable() == [1]
    chain.failed(1, "crashed")
    assert chain.usable() == []
    time.now_s += PAUSE_S
    assert chain.usable() == [0, 1]
    chain.failed(1, "crashed")
    assert 1 in chain.usable()


def test_an_answer_keeps_the_last_from_being_given_up(chain: Chain):
    for _ in range(3 * GIVE_UP):
        chain.failed(1, "crashed")
        chain.answered(1)
    assert 1 in chain.usable()


def test_one_that_never_served_and_cannot_is_not_tried_again(chain: Chain, time: Time):
    chain.failed(0, "crashes with this model", hopeless=True)
    time.now_s += 1e9
    assert chain.usable() == [1]
    assert chain.wait_s(before=1) is None
    assert chain.states(1)["edgetpu"].state == "unusable"


def test_one_that_served_is_tried_again_whatever_became_of_it(chain: Chain, time: Time):
    chain.serves(0)
    chain.failed(0, "crashed", hopeless=True)
    time.now_s += FIRST_REST_S
    assert chain.usable() == [0, 1]


def test_one_that_is_being_tried_is_not_tried_twice_at_a_time(chain: Chain):
    chain.trying(0, tried=True)
    assert chain.usable() == [1]
    chain.trying(0, tried=False)
    assert chain.usable() == [0, 1]


def test_health_tells_each_state_with_its_reason(chain: Chain):
    assert {name: one.state for name, one in chain.states(0).items()} == {"edgetpu": "in use", "cpu": "ready"}
    chain.failed(0, "gone")
    states = chain.states(1)
    assert (states["edgetpu"].state, states["edgetpu"].reason, states["edgetpu"].failures) == ("resting", "gone", 1)
    assert states["cpu"].state == "in use"


def test_accelerators_of_the_same_type_have_names_of_their_own():
    assert names([EdgeTpu(), EdgeTpu(), Delegate(library="x"), Cpu()]) == ["edgetpu", "edgetpu-2", "delegate", "cpu"]
