"""What holds for a model that is cached rightly, one method for each property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cache_dit import (
    CacheType,
    DBCacheConfig,
    DBPruneConfig,
    disable_cache,
    enable_cache,
    summary,
)
from cache_dit import TaylorSeerCalibratorConfig as Taylor
from cache_dit.verify.block_calls import BlockCalls
from cache_dit.verify.chain import Chain, Place
from cache_dit.verify.denoised_stream import wrong_stream
from cache_dit.verify.outputs import difference, finite
from cache_dit.verify.report import Finding
from cache_dit.verify.settings import Setting, every_setting, telling_settings
from cache_dit.verify.subject import DRIFT, FAR, Subject
from cache_dit.verify.traces import differences, traces

KINDS = {kind.cache_type: kind for kind in (DBCacheConfig, DBPruneConfig)}


class Problem(Exception):
    """A property does not hold; the message says how, ``error`` by how much where that is known."""

    def __init__(self, message: str, error: float | None = None) -> None:
        super().__init__(message)
        self.error = error


def finding(name: str) -> Callable[[Callable[..., float | None]], Callable[..., Finding]]:
    """Make a `Finding` of what a check returns (its largest error) or raises; end its cache."""

    def decorate(check: Callable[..., float | None]) -> Callable[..., Finding]:
        def run(self: CacheProperties, *args: Any) -> Finding:
            title = " ".join([name, *(str(argument) for argument in args)])
            try:
                return Finding(title, check(self, *args))
            except Problem as problem:
                return Finding(title, problem.error, str(problem))
            except Exception as error:  # of the model, of a block, of the cache: all are findings
                return Finding(title, None, f"{type(error).__name__}: {error}")
            finally:
                disable_cache(self.subject.adapter)

        return run

    return decorate


class CacheProperties:
    """The checks on one model; each enables a cache, runs it, and disables it."""

    def __init__(self, subject: Subject, tolerance: float) -> None:
        self.subject = subject
        self.tolerance = tolerance

    def check(self, every: bool) -> list[Finding]:
        """All properties, under a telling few or under all settings."""
        subject = self.subject
        choose = every_setting if every else telling_settings
        settings = choose(subject.chains, subject.named)
        if subject.adapter.merges_early:
            sizes = list(map(len, subject.chains))
            settings = [each for each in settings if all(map(each.fits, sizes))]
        return [
            self.decides_on_the_denoised_stream(),
            *map(self.reuse, settings),
            *(self.never_reuse(kind.value) for kind in KINDS),
            self.other_inputs(),
            *([self.prefill()] if subject.prefill else []),
            self.disable(),
        ]

    @finding("denoised stream")
    def decides_on_the_denoised_stream(self) -> None:
        """What is measured is what is denoised."""
        if problem := wrong_stream(self.subject):
            raise Problem(problem)

    @finding("reuse")
    def reuse(self, setting: Setting) -> float:
        """The same inputs at every step: reuse returns what was computed, and skips blocks."""
        subject, worst = self.subject, 0.0
        skipped = self._skipped(setting)
        enable_cache(subject.adapter, **setting.arguments(subject.chains, subject.lists))
        with BlockCalls(subject.lists) as block_calls:
            for step, computes in enumerate(setting.mask):
                reused = bool(skipped) and not computes
                for seed, context in enumerate(setting.branches):
                    block_calls.clear()
                    outputs = subject.call(0, seed, context)
                    self._require_counts(block_calls, skipped if reused else set(), step)
                    error = difference(outputs, subject.baseline.outputs[0, seed])
                    worst = max(worst, error)
                    if error > (self.tolerance if reused else 0.0):
                        kind = "reused" if reused else "computed"
                        text = f"the {kind} output of step {step} is off by {error:.1e}."
                        raise Problem(text, error)
        self._require_summary(setting)
        return worst

    @finding("never reuse")
    def never_reuse(self, kind: str) -> float:
        """A threshold of 0: inputs that drift give what the uncached model gives, bit for bit."""
        make = KINDS[CacheType(kind)]
        config = make(Fn_compute_blocks=1, residual_diff_threshold=0.0, max_warmup_steps=1)
        enable_cache(self.subject.adapter, config, Taylor(taylorseer_order=1))
        with BlockCalls(self.subject.lists) as block_calls:
            for step in range(DRIFT):
                block_calls.clear()
                outputs = self.subject.call(step)
                self._require_counts(block_calls, set(), step)
                self._require_equal(outputs, (step, 0), f"the output of step {step}")
        return 0.0

    @finding("other inputs")
    def other_inputs(self) -> None:
        """Reuse on inputs that are far off is no replay and no computation; the next run is new."""
        subject = self.subject
        config = DBCacheConfig(
            Fn_compute_blocks=1,
            max_warmup_steps=1,
            num_inference_steps=2,
            residual_diff_threshold=1.0,
        )
        enable_cache(subject.adapter, config)
        subject.call(0)
        reused = subject.call(FAR)
        if not finite(reused):
            raise Problem("a reused output is not finite.")
        for what, step in (("computed", FAR), ("replayed", 0)):
            if difference(reused, subject.baseline.outputs[step, 0]) <= self.tolerance:
                raise Problem(f"with other inputs, a step that is to be reused was {what}.")
        self._require_equal(subject.call(0, 1), (0, 1), "the first step of a new run")

    @finding("prefill")
    def prefill(self) -> None:
        """A call that fills a key-value cache computes, at a time when others are reused."""
        subject = self.subject
        config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1, residual_diff_threshold=1.0)
        enable_cache(subject.adapter, config)
        subject.call(0)
        subject.call(0)
        with BlockCalls(subject.lists) as block_calls:
            filled = subject.fill(1)
        if block_calls.counts() != subject.baseline.prefill:
            raise Problem(
                "a call that fills the key-value cache skips blocks. Tell the adapter which calls "
                "those are: compute_when=lambda arguments: ..."
            )
        disable_cache(subject.adapter)
        kept, subject.filled[1] = subject.filled[1], filled
        try:
            self._require_equal(subject.call(0, 1), (0, 1), "what uses the filled cache")
        finally:
            subject.filled[1] = kept

    @finding("disable")
    def disable(self) -> None:
        """After all that was done before: the model is as it was."""
        subject = self.subject
        names = list(subject.transformer.state_dict())
        enable_cache(subject.adapter, DBCacheConfig(Fn_compute_blocks=1))
        if list(subject.transformer.state_dict()) != names:
            raise Problem("enabling the cache changes the names in state_dict.")
        subject.call(0)
        disable_cache(subject.adapter)
        left = differences(subject.baseline.traces, traces(subject.transformer))
        if left := left - subject.baseline.volatile:
            raise Problem(f"disable_cache left or changed {', '.join(sorted(left)[:5])}.")
        self._require_equal(subject.call(0), (0, 0), "the output after disable_cache")

    def _skipped(self, setting: Setting) -> set[Place]:
        """The blocks that a reused step leaves out."""
        return {
            chain.places[number]
            for chain in self.subject.chains
            if reuses(setting, chain)
            for number in setting.skippable(len(chain))
            if number not in chain.idle
        }

    def _require_equal(self, outputs: Any, key: tuple[int, int], what: str) -> None:
        if error := difference(outputs, self.subject.baseline.outputs[key]):
            raise Problem(f"{what} is off by {error:.1e}.", error)

    def _require_counts(self, calls: BlockCalls, skipped: set[Place], step: int) -> None:
        ran, normal = calls.counts(), self.subject.baseline.counts
        for chain in self.subject.chains:
            for place in chain.places:
                expected = 0 if place in skipped else normal[place]
                if ran[place] != expected:
                    raise Problem(
                        f"at step {step} block {place[0]}.{place[1]} ran {ran[place]} times, "
                        f"expected {expected}{self._reasons(step)}."
                    )

    def _reasons(self, step: int) -> str:
        """What the cache itself says about a step."""
        found = [
            str(decision.reason)
            for stats in summary(self.subject.transformer, logging=False)
            for decisions in stats.decisions.values()
            for decision in decisions
            if decision.step == step
        ]
        return f" ({', '.join(dict.fromkeys(found))})" if found else ""

    def _require_summary(self, setting: Setting) -> None:
        """The decisions that are reported are those that were seen to be taken."""
        all_stats = summary(self.subject.transformer, logging=False)
        for chain, stats in zip(self.subject.chains, all_stats, strict=True):
            reused = {step for step, computes in enumerate(setting.mask) if not computes}
            reused = reused if reuses(setting, chain) else set()
            seen = {(step, step in reused) for step in range(len(setting.mask))}
            told = [
                {(decision.step, decision.reused) for decision in decisions}
                for decisions in stats.decisions.values()
                if decisions
            ]
            decides = any(n not in chain.idle for n in setting.skippable(len(chain)))
            expected = [seen] * len(setting.branches) if decides else []
            if told != expected:
                raise Problem(f"summary tells (step, reused) {told}; it was {expected}.")


def reuses(setting: Setting, chain: Chain) -> bool:
    """Whether any step reuses anything of a chain.

    Not where its last block that may be skipped is left out by the model: what these blocks add is
    only known when the last of them returns.
    """
    last = setting.skippable(len(chain))[-1:]
    return setting.prunes or not chain.idle.issuperset(last)
