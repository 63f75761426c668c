"""Detects outliers among steady and noisy, large and small numbers.

Distances are logarithmic, because runs vary by factors: half as much is as far as twice as much.
The noise is the median absolute deviation, times 1.4826 as for a normal distribution, so that one
bad night among the usual values changes nothing. With fewer than 8 values, it is at least their
range divided by the expected range of that many normally distributed values (the constant d2 of
control charts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pvariance
from typing import Final

__all__ = ["FEWEST_VALUES", "Usual"]

FEWEST_VALUES: Final = 3
"""With fewer earlier values, nothing is an outlier."""

_FACTOR: Final = 2.0
_DEVIATIONS_BELOW: Final = 5.0
_DEVIATIONS_ABOVE: Final = 4.5
_LINEAR_DEVIATIONS: Final = 2.0
"""If values are spread evenly from zero to twice the median, zero is not an outlier."""
_POISSON_DEVIATIONS: Final = 5.0
_NORMAL: Final = 1.4826
_RANGES: Final = {3: 1.69, 4: 2.06, 5: 2.33, 6: 2.53, 7: 2.70}
_STEADY: Final = 0.05
"""Up to this noise, the limit stays at exactly half."""
_LEAST_NOISE: Final = 0.02
_ABOVE_ALL: Final = 1.2
_ZERO_AFTER: Final = 6
_ZEROS_EXPLAINED_FROM: Final = 20
_CHANCE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual values, at least :data:`FEWEST_VALUES`, all non-negative.

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

    def is_far_below(self, value: float, floor: float) -> bool:
        """Return whether a value is at most half, and by more than ``floor``, below.

        A count of zero needs no floor: nothing at all is different from a little less.
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
        """Return whether such low values occurred before, and not just as a rare exception."""
        width = _LINEAR_DEVIATIONS * _deviation(self.values)
        return min(self.values) <= value and self.middle - value < width

    def _is_zero_unheard_of(self) -> bool:
        """Return whether the values were never zero, and a zero by chance is unlikely."""
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
        """Return whether random counts may deviate that far.

        The square root of such counts has the same noise whatever their size (Anscombe).
        """
        if not self.is_count:
            return False
        middle = self.middle
        if noise * middle < 0.5 * math.sqrt(middle):
            return False  # much steadier than random counts
        distance = 2.0 * abs(math.sqrt(middle + 0.375) - math.sqrt(value + 0.375))
        return distance < _POISSON_DEVIATIONS

    @staticmethod
    def _log(value: float) -> float:
        return math.log(value + 0.5)


def _deviation(values: Sequence[float]) -> float:
    """Return the median absolute deviation, scaled to a standard deviation."""
    middle = median(values)
    return _NORMAL * median(abs(each - middle) for each in values)


def _chance_of_zero(values: Sequence[float]) -> float:
    """Return the probability of a zero among such counts; 0 if they vary less than by chance.

    It follows the negative binomial distribution with their mean and variance, or the Poisson
    distribution if the variance does not exceed the mean.
    """
    mean, variance = fmean(values), pvariance(values)
    if variance < mean / 2:
        return 0.0
    if variance <= mean:
        return math.exp(-mean)
    size = mean * mean / (variance - mean)
    return math.pow(size / (size + mean), size)
