"""What the benchmarks compare is the same thing: ours equals every peer that is installed, on small arrays."""

import numpy as np
import pytest

from benchmarks.comparisons import COMPARISONS, TINY, Comparison, Peer

PAIRS = [(comparison, peer) for comparison in COMPARISONS for peer in comparison.peers]


@pytest.mark.parametrize(("comparison", "peer"), PAIRS, ids=[f"{c.name}: {p.name}" for c, p in PAIRS])
def test_ours_equals_the_peer(comparison: Comparison, peer: Peer) -> None:
    if not peer.is_here:
        pytest.skip(f"{peer.library} is not installed")
    for tile in comparison.make(TINY):
        ours, theirs = (comparison.results(call(*tile)) for call in (comparison.ours, peer.call))
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=comparison.tolerance, atol=comparison.tolerance)


def test_a_library_that_is_not_there_is_said_to_be_missing() -> None:
    assert not Peer("none", "no_such_library_of_this_name", abs).is_here


def test_the_names_of_comparisons_are_their_own() -> None:
    assert len({comparison.name for comparison in COMPARISONS}) == len(COMPARISONS)
