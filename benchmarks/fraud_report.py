"""The fraud report: shares with their intervals, as tables, figures and a picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalediff_assets.charts import figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HONEST_MAX, STOPPED_MIN = 0.005, 0.95
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Share:
    """`hits` of `n`, with Wilson's interval at 95 %."""

    hits: int
    n: int

    @property
    def rate(self) -> float:
        """Hits / n."""
        return self.hits / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high."""
        if not self.n:
            return 0.0, 1.0
        z2 = _Z**2
        middle = (self.rate + z2 / (2 * self.n)) / (1 + z2 / self.n)
        half = math.sqrt(self.rate * (1 - self.rate) / self.n + z2 / (4 * self.n**2)) * _Z / (1 + z2 / self.n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def text(self) -> str:
        """`3 of 800 | 0.4 % | 0.1 … 1.1 %`."""
        low, high = self.interval
        return f"{self.hits} of {self.n} | {100 * self.rate:.1f} % | {100 * low:.1f} … {100 * high:.1f} %"


@dataclass(frozen=True, kw_only=True)
class FraudReport:
    """The result. An attack is named by its kind, or by kind and variant, `kind, variant`.

    Attributes:
        honest: Per rule the honest sessions that it hits.
        stopped: Per attack those that earn nothing.
        by_rule: Per attack how many each rule hits.
    """

    honest: Mapping[str, Share]
    stopped: Mapping[str, Share]
    by_rule: Mapping[str, Mapping[str, int]]

    @property
    def kinds(self) -> dict[str, Share]:
        """Per kind of attack, all its variants together, those that earn nothing."""
        found: dict[str, Share] = {}
        for name, share in self.stopped.items():
            kind = name.partition(",")[0]
            before = found.get(kind, Share(hits=0, n=0))
            found[kind] = Share(hits=before.hits + share.hits, n=before.n + share.n)
        return found

    def markdown(self) -> str:
        """Two tables."""
        lines = ["| rule | honest sessions hit | rate | 95 % interval |", "|---|---|---|---|"]
        lines += [f"| `{rule}` | {share.text()} |" for rule, share in self.honest.items()]
        lines += ["", "| attack | earns nothing | rate | 95 % interval | hit by |", "|---|---|---|---|---|"]
        for kind, total in self.kinds.items():
            variants = [name for name in self.stopped if name.startswith(f"{kind},")]
            lines.append(f"| **{kind}** | {total.text()} | {'' if variants else self._rules(kind)} |")
            lines += [
                f"| {name.removeprefix(f'{kind}, ')} | {self.stopped[name].text()} | {self._rules(name)} |"
                for name in variants
            ]
        return "\n".join(lines)

    def figures(self) -> dict[str, float]:
        """Every rate by name."""
        found = {f"honest_{rule}": share.rate for rule, share in self.honest.items()}
        named = {**self.kinds, **self.stopped}.items()
        return found | {
            f"stopped_{name.replace(',', '').replace(' ', '_')}": share.rate for name, share in named
        }

    def _rules(self, name: str) -> str:
        return ", ".join(f"`{rule}` {count}" for rule, count in sorted(self.by_rule[name].items()))


def draw(found: FraudReport) -> bytes:
    """Honest hit rates and stop rates with their intervals, as a PNG."""
    drawn, (left, right) = figure(1, 2, (11.0, 5.2))
    _bars(left, found.honest, "honest sessions hit", limit=HONEST_MAX, colour="#b4413c")
    _bars(
        right,
        {**found.kinds, **found.stopped},
        "attacks that earn nothing",
        limit=STOPPED_MIN,
        colour="#2f6f4f",
    )
    left.set_xlim(0.0, max(2.0, 110 * max(share.interval[1] for share in found.honest.values())))
    right.set_xlim(0.0, 104.0)
    return png(drawn)


def _bars(axis: "Axes", shares: Mapping[str, Share], title: str, *, limit: float, colour: str) -> None:
    names = sorted(shares, key=lambda name: (name.partition(",")[0], name), reverse=True)
    rates = [100 * shares[name].rate for name in names]
    ends = [shares[name].interval for name in names]
    low = [max(0.0, rate - 100 * end[0]) for rate, end in zip(rates, ends, strict=True)]
    high = [max(0.0, 100 * end[1] - rate) for rate, end in zip(rates, ends, strict=True)]
    style = {"elinewidth": 1, "capsize": 2}
    axis.barh(names, rates, xerr=[low, high], color=colour, alpha=0.75, error_kw=style)
    axis.axvline(100 * limit, color="#333333", linewidth=1, linestyle="--")
    axis.set_title(f"{title} (%), 95 % intervals; dashed: the target {100 * limit:g} %", fontsize=8)
