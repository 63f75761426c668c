"""Which values are far off what is usual, for steady and for noisy, large and small numbers.

Distances are measured in logarithms, as runs vary by factors: half as much is as far as twice as
much. The noise is the median absolute deviation, times 1.4826 as for a normal distribution, so that
one bad night among the usual values changes nothing. Under 8 values it is no less than their range
divided by what the range of so many normally distributed values is (the constant d2 of control
charts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pvariance
from typing import Final

__all__ = ["FEWEST_VALUES", "Usual"]

FEWEST_VALUES: Final = 3
"""With fewer earlier values nothing is far off."""

_FACTOR: Final = 2.0
_DEVIATIONS_BELOW: Final = 5.0
_DEVIATIONS_ABOVE: Final = 4.5
_LINEAR_DEVIATIONS: Final = 2.0
"""What varies from nothing to twice the median, evenly, is not off at nothing."""
_POISSON_DEVIATIONS: Final = 5.0
_NORMAL: Final = 1.4826
_RANGES: Final = {3: 1.69, 4: 2.06, 5: 2.33, 6: 2.53, 7: 2.70}
_STEADY: Final = 0.05
"""Noise up to here does not move the limit away from exactly half."""
_LEAST_NOISE: Final = 0.02
_ABOVE_ALL: Final = 1.2
_ZERO_AFTER: Final = 6
_ZEROS_EXPLAINED_FROM: Final = 20
_CHANCE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Usual:
    """Values that are usual, at least :data:`FEWEST_VALUES`, none of them negative.

    Attributes:
        is_count: Whether they count something, so that small ones vary by chance.
    """

    values: Sequence[float]
    is_count: bool

    @property
    def middle(self) -> float:
        """Their median."""
        return median(self.values)

    def is_far_above(self, value: float, floor: float, factor: float = _FACTOR) -> bool:
        """Return whether a value is ``factor`` times, and by more than ``floor``, above."""
        middle = self.middle
        if middle <= 0 or value < middle * factor or value - middle <= floor:
            return False
        noise = self._noise()
        distance = self._log(value) - self._log(middle)
        return (
            value > max(self.values) * _ABOVE_ALL
            and distance >= _DEVIATIONS_ABOVE * noise
            and not self._is_chance(value, noise)
        )

    def is_far_below(self, value: float, floor: float = 0.0) -> bool:
        """Return whether a value is at most half, and by more than ``floor``, below.

        A count of zero needs no floor: nothing at all is another thing than a little less.
        """
        middle = self.middle
        is_nothing = self.is_count and value == 0
        if is_nothing and self._is_zero_unheard_of():
            return True
        if value * _FACTOR > middle or (middle - value <= floor and not is_nothing):
            return False
        noise = self._noise()
        beyond = 2.0 * noise if noise > _STEADY else 0.0
        distance = self._log(middle) - self._log(value)
        return (
            value * _FACTOR <= middle * math.exp(-beyond)
            and distance >= _DEVIATIONS_BELOW * noise
            and not self._has_varied_to(value)
            and not self._is_chance(value, noise)
        )

    def _has_varied_to(self, value: float) -> bool:
        """Return whether such a low value came up before, and not as a rare exception."""
        width = _LINEAR_DEVIATIONS * _deviation(self.values)
        return min(self.values) <= value and self.middle - value < width

    def _is_zero_unheard_of(self) -> bool:
        """Return whether there always was something, and more than chance could make nothing."""
        if len(self.values) < _ZERO_AFTER or min(self.values) <= 0:
            return False
        return len(self.values) < _ZEROS_EXPLAINED_FROM or _chance_of_zero(self.values) < _CHANCE

    def _noise(self) -> float:
        logs = [self._log(value) for value in self.values]
        noise = _deviation(logs)
        if (width := _RANGES.get(len(logs))) is not None:
            noise = max(noise, (max(logs) - min(logs)) / width)
        return max(noise, _LEAST_NOISE)

    def _is_chance(self, value: float, noise: float) -> bool:
        """Return whether counts that vary as chance makes them vary may come so far.

        The square root of such counts has the same noise whatever their size (Anscombe).
        """
        if not self.is_count:
            return False
        middle = self.middle
        if noise * middle < 0.5 * math.sqrt(middle):
            return False  # much steadier than chance
        distance = 2.0 * abs(math.sqrt(middle + 0.375) - math.sqrt(value + 0.375))
        return distance < _POISSON_DEVIATIONS

    @staticmethod
    def _log(value: float) -> float:
        return math.log(value + 0.5)


def _deviation(values: Sequence[float]) -> float:
    """Return the median absolute deviation, scaled as a standard deviation."""
    middle = median(values)
    return _NORMAL * median(abs(each - middle) for each in values)


def _chance_of_zero(values: Sequence[float]) -> float:
    """Return how likely a zero is among such counts; 0 where they vary less than chance would.

    By the negative binomial distribution with their mean and variance; where the variance is no
    larger than the mean it is the Poisson distribution.
    """
    mean, variance = fmean(values), pvariance(values)
    if variance < mean / 2:
        return 0.0
    if variance <= mean:
        return math.exp(-mean)
    size = mean * mean / (variance - mean)
    return math.pow(size / (size + mean), size)
