# SPDX-License-Identifier: BSD-3-Clause
"""Multiple Loss Ratio search (draft-ietf-bmwg-mlrsearch): which load does a DUT carry with no more than so
much loss, when trials are short and some are spoilt? Knows neither DUT nor generator: trial(load) gives
the share that was lost.

A load is a lower bound of a goal if trials of less loss outweigh those of more whatever the trials that
are still missing would say, an upper bound if it is the other way round.
"""

import dataclasses
import math

EXPANSION = 4  # a step to find a bound grows by that


@dataclasses.dataclass(frozen=True)
class Goal:
    """The names are the draft's; the defaults those of FD.io CSIT."""
    name: str
    loss_ratio: float
    exceed_ratio: float = 0.5
    width: float = 0.005
    duration: float = 1.0
    duration_sum: float = 21.0
    preceding_targets: int = 2

    def targets(self):
        """Wider and shorter ones first, the goal itself last."""
        n = self.preceding_targets
        ratio = self.duration_sum / self.duration
        return [dataclasses.replace(self, width=self.width * 2 ** (n - i),
                                    duration_sum=self.duration * ratio ** (i / n if n else 1))
                for i in range(n + 1)]


NDR = Goal("NDR", 0.0)
PDR = Goal("PDR", 0.005)


class Search:
    """Trials of all goals together: one goal's are the other's knowledge."""

    def __init__(self, trial, max_load, min_load, tell=lambda text: None):
        self.trial, self.tell = trial, tell
        self.max_load, self.min_load = max_load, min_load
        self.losses = {}  # {load: [share lost in each trial]}

    @property
    def n_trials(self):
        return sum(len(found) for found in self.losses.values())

    def classify(self, load, goal):
        """True: a lower bound, False: an upper one, None: not known yet (appendix A of the draft; all
        trials are full-length ones)."""
        losses = self.losses.get(load, ())
        good = sum(goal.duration for loss in losses if loss <= goal.loss_ratio)
        bad = len(losses) * goal.duration - good
        whole = max(good + bad, goal.duration_sum)
        quantile = whole * goal.exceed_ratio
        is_lower_at_best, is_lower_at_worst = bad <= quantile, whole - good <= quantile
        return is_lower_at_best if is_lower_at_best == is_lower_at_worst else None

    def bounds(self, goal):
        """The relevant ones: the lowest upper bound, and the highest lower one below it."""
        known = {load: self.classify(load, goal) for load in self.losses}
        upper = min((load for load, is_lower in known.items() if is_lower is False), default=None)
        lower = max((load for load, is_lower in known.items()
                     if is_lower and (upper is None or load < upper)), default=None)
        return lower, upper

    def is_done(self, goal, lower, upper):
        if lower is not None and upper is not None:
            return (upper - lower) / upper <= goal.width
        return lower == self.max_load or (upper is not None and upper <= self.min_load)

    def measure(self, load, goal):
        """Until it is a bound of the goal."""
        while self.classify(load, goal) is None:
            self.losses.setdefault(load, []).append(self.trial(load))

    def narrow(self, goal, hints):
        """Bounds of this width, from those of the target before."""
        step = goal.width
        while True:
            lower, upper = self.bounds(goal)
            if self.is_done(goal, lower, upper):
                return lower, upper
            hints = [hint for hint in hints if self.classify(hint, goal) is None and
                     (lower is None or hint > lower) and (upper is None or hint < upper)]
            if hints:
                load = hints.pop(0)
            elif lower is not None and upper is not None:
                load = math.sqrt(lower * upper)
            elif lower is not None:
                load, step = min(lower / (1 - step), self.max_load), min(step * EXPANSION, 0.5)
            else:
                load, step = max(upper * (1 - step), self.min_load), min(step * EXPANSION, 0.5)
            self.measure(load, goal)
            self.tell(f"{goal.name}: {load / 1e6:.3f} M a second "
                      f"{'is enough' if self.classify(load, goal) else 'is too much'}, "
                      f"{self.n_trials} trials so far")

    def throughput(self, load, goal):
        """What a lower bound forwards for certain: by the loss that no more than exceed_ratio of the
        trials exceed."""
        losses = sorted(self.losses[load])
        index = min(int(len(losses) * (1 - goal.exceed_ratio)), len(losses) - 1)
        return load * (1 - losses[index])

    def find(self, goal, start):
        """Bounds and what is forwarded at the lower one; that is None if there is none."""
        hints = [start]
        for target in goal.targets():
            lower, upper = self.narrow(target, hints)
            hints = [bound for bound in (lower, upper) if bound is not None]
        return {"lower": lower, "upper": upper,
                "throughput": self.throughput(lower, goal) if lower is not None else None}
