"""One view of a comparison for every form of the report: what text, page, tables and figures say, worked out once.

It turns numbers into words and decides nothing: outcomes and sentences come from `harness.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from harness.errors import UsageError
from harness.records import (
    BaselineScore,
    ComparisonResult,
    FamilyResult,
    Outcome,
    ResourceUsage,
    TrialRecord,
    Use,
    Verdict,
)
from harness.report import differences, explained, pictures, searches
from harness.report import figures as draw
from harness.report.axes import look_of
from harness.report.curves import Curve, curves_of, importances_of, leads_of
from harness.report.epochs import too_few_epochs
from harness.report.format import Style, failures_words, mean_and_spread, score_words, style_of, value_words
from harness.stats.decision import margin_source
from harness.stats.words import brief, sentences
from harness.stats.words.wording import in_todays_words, probabilities
from harness.text import MISSING, count, counted, duration_text, level_text, shortened, significant

_KERNELS = {
    "cudnn": "cuDNN kernels",
    "xla-epoch": "an epoch compiled with XLA",
    "tf-epoch": "an epoch as a TensorFlow graph",
    "keras-fit": "the model's own fit",
}


def _kernel(name: str, trials: int) -> str:
    return f"{_KERNELS.get(name, name)}: {counted(trials, 'trial')}"


Row = tuple[str, tuple[str, ...]]
"""A label and one cell a family."""

MOST_NAMES = 12
"""Channels or classes named; the rest is counted."""

NOTEBOOK_PIXELS = 560


def _known(*numbers: int) -> str:
    return ", ".join(map(count, numbers)) if any(numbers) else "not recorded"


def _temperatures(usage: ResourceUsage) -> str:
    return ", ".join(f"{one:.3g}" for one in usage.temperatures) if any(usage.temperatures) else "as trained"


_USAGE: tuple[tuple[str, Callable[[ResourceUsage], str]], ...] = (
    ("trials requested", lambda usage: count(usage.asked)),
    ("hyperparameters that trials differ in", lambda usage: _known(usage.varied)),
    ("distinct hyperparameter sets", lambda usage: count(usage.distinct)),
    ("completed", lambda usage: count(usage.completed)),
    ("failed", failures_words),
    ("pruned (median stopping)", lambda usage: count(usage.pruned)),
    ("epochs", lambda usage: count(usage.epochs)),
    ("the most epochs of a trial, patience", lambda usage: _known(usage.epochs_at_most, usage.patience_epochs)),
    ("batch size: smallest, median, largest", lambda usage: _known(*usage.batch_sizes)),
    ("temperature of the logits: smallest, median, largest", _temperatures),
    ("gradient steps", lambda usage: count(usage.gradient_steps)),
    ("training", lambda usage: duration_text(usage.fit_seconds)),
    ("compiling", lambda usage: duration_text(usage.compile_seconds)),
    ("trainable weights: smallest, median, largest", lambda usage: ", ".join(map(count, usage.parameters))),
    (
        "of these, in recurrent layers or in their place: smallest, median, largest",
        lambda usage: ", ".join(map(count, usage.recurrent_parameters)),
    ),
    (
        "units of a layer: smallest, median, largest",
        lambda usage: ", ".join(map(count, usage.units)) if any(usage.units) else "–",
    ),
    ("recurrence computed by", lambda usage: ", ".join(_kernel(*item) for item in usage.kernels.items())),
)

_FAIR: tuple[tuple[str, Callable[[ResourceUsage], str]], ...] = (
    ("completed trials", lambda usage: count(usage.completed)),
    ("hyperparameters that trials differ in", lambda usage: _known(usage.varied)),
    ("weights of the median trial", lambda usage: count(usage.parameters[1])),
    ("training and compiling", lambda usage: duration_text(usage.fit_seconds + usage.compile_seconds)),
)
"""What may or may not be equal between families whose search spaces are not."""

_SELECTED: tuple[tuple[str, Callable[[FamilyResult, TrialRecord], str]], ...] = (
    ("trainable weights", lambda _, trial: count(trial.parameters)),
    ("in recurrent layers", lambda _, trial: count(trial.recurrent_parameters)),
    ("best epoch, of epochs trained", lambda _, trial: f"{trial.best_epoch:,} of {trial.epochs:,}"),
    ("training", lambda _, trial: duration_text(trial.fit_seconds)),
    ("seed", lambda family, _: str(family.selected_seed)),
    ("replicate and trial", lambda _, trial: f"{trial.key.replicate}, {trial.key.number}"),
)

_OUTCOMES = {Outcome.PRACTICALLY_EQUAL: "practically equal", Outcome.UNDECIDED: "undecided"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure and what stands under it.

    Attributes:
        name: Its name among the comparison's figures, also of its file.
        svg: The figure.
        caption: One or two sentences.
    """

    name: str
    svg: str
    caption: str

    def _repr_svg_(self) -> str:
        """How a notebook shows it: in its own size, and on white, since a picture does not learn the page's colours."""
        return self.svg.replace("<svg ", f'<svg width="{NOTEBOOK_PIXELS}" style="background:#fff" ', 1)

    def __repr__(self) -> str:
        return f"{self.name}: {self.caption}"


@dataclass(frozen=True, slots=True)
class FamilyView:
    """One family's line in the tables.

    Attributes:
        name: The family's name.
        color: Its colour in the figures.
        symbol: Its marker in the figures.
        expected: Expected test score of the best of n trials by validation.
        selected: Published test score of the selected trial's model: over the test cases that did not help to choose
            where cases chose, else over all.
        whole: Its score over all test cases, which registration and `harness verify` give again.
        repeated: Mean and standard deviation of the test score over fresh seeds.
        seeds: How many fresh seeds.
        recommended: Whether its model is recommended; in a verdict of 0.1.0 whether it is the winner.
    """

    name: str
    color: str
    symbol: str
    expected: str
    selected: str
    whole: str
    repeated: str
    seeds: int
    recommended: bool


class ComparisonView:
    """A comparison in words, rows and figures; what takes time is worked out when it is first asked for, and once.

    Args:
        result: The record.
        anchor: Put before the ids of its figures' parts, to be unique in a page: letters, digits and hyphens.
        sweep: Id of the sweep that commands extend, with the options that mean its store; None where there is none.
        pictured: Whether all its figures are drawn, or only the first.

    Attributes:
        result: The record itself.
        verdict: Its verdict, in today's words where 0.1.0 wrote it.
        anchor: What the ids of its figures' parts begin with.
        headline: What to use, by how much and how sure, in a sentence that begins with the dataset; the verdict where
            0.1.0 made it.
        sentence: The same without the dataset.
        answers: A sentence on the models in hand, one on their configurations, one on the families; none of 0.1.0.
        settling: What would settle the families' question; empty where nothing is to be settled.
        scores: Metric, unit and direction.
        style: How its scores are written.
        families: Its families.
        baseline: Name of the best baseline; empty when there is none.
        baseline_score: Its test score.
        champion: Address of the exported model; empty when there is none.
        coverage: What its prediction intervals cover of the test part; empty where it has none.
    """

    def __init__(
        self, result: ComparisonResult, anchor: str = "figure", sweep: str | None = None, *, pictured: bool = True
    ) -> None:
        self.result, self.anchor, self._pictured = result, anchor, pictured
        verdict, best = result.verdict, result.best_baseline
        self.verdict = replace(
            verdict,
            method=in_todays_words(verdict.method),
            reasons_to_abstain=tuple(map(in_todays_words, verdict.reasons_to_abstain)),
            warnings=tuple(map(in_todays_words, verdict.warnings)),
        )
        self.headline = sentences.recommendation(self.verdict)
        sentence = self.headline.removeprefix(f"{verdict.dataset}: ")
        self.sentence = sentence[:1].upper() + sentence[1:] if verdict.recommendation else sentence
        self.answers = sentences.three(self.verdict)
        self.settling = sentences.settling(self.verdict, sweep)
        self._sweep = sweep
        self.scores = score_words(result.objective)
        self.style = _style(result)
        self.families = tuple(_family_view(result, place, self.style) for place in range(len(result.families)))
        self.baseline = best.name if best else ""
        self.baseline_score = self.style.write(_baseline_score(verdict, best)) if best else MISSING
        self.champion = f"models:/{result.champion.reference}" if result.champion else ""
        self.coverage = brief.coverage_words(result.champion.coverage) if result.champion else ""

    @property
    def use(self) -> str:
        """What to use in a few words, such as `use gru`; the verdict where 0.1.0 made it."""
        return brief.use(found) if (found := self.verdict.recommendation) else self.outcome

    @property
    def certainty(self) -> str:
        """How sure that is, such as `probability 0.72, at worst 5 % more error`; empty where it is not known."""
        return brief.certainty(found) if (found := self.verdict.recommendation) else ""

    @property
    def scored_over(self) -> str:
        """Which test cases the published scores of selected models are over; empty where they are all."""
        found = self.verdict.recommendation
        cases = found.scored_cases if found else None
        return f"the {counted(cases, 'test case')} that did not help to choose" if cases else ""

    @property
    def unsure(self) -> str:
        """Why it is not known how sure the answer is, where no sentence has room for it."""
        found = self.verdict.recommendation
        return found.abstains if found and found.abstains not in " ".join((self.sentence, *self.answers)) else ""

    @property
    def outcome(self) -> str:
        """The answer on the families in two words: `gru wins`, `practically equal`, `undecided, withheld`."""
        if self.verdict.family:
            return f"{self.verdict.family} wins"
        return _OUTCOMES[self.verdict.outcome] + (", withheld" if self.verdict.reasons_to_abstain else "")

    @property
    def difference(self) -> str:
        """Which family is better by how much, with interval and level: sizes without a sign, and the family named.

        Returns:
            Such as `gru better by 0.0073, 95 % interval -0.0052 to 0.0193, for searches of 5 trials`; a dash where the
            difference is not known, or the answer is withheld.
        """
        verdict, style = self.verdict, self.style
        if verdict.reasons_to_abstain or not math.isfinite(verdict.difference) or len(verdict.families) < 2:
            return MISSING
        gap = "no difference"
        if verdict.difference:
            gap = f"{verdict.leader} better by {style.write(abs(verdict.difference))}"
        interval = style.interval(*verdict.for_leader(verdict.low, verdict.high))
        asked = f", for searches of {counted(verdict.compared_at, 'trial')}" if verdict.compared_at else ""
        return f"{gap}, {level_text(verdict.level)} interval {interval}{asked}"

    @property
    def over_cases(self) -> str:
        """The second interval, over test cases; empty where single cases are not known."""
        if (over := self.verdict.over_cases) is None:
            return ""
        interval = self.style.interval(*self.verdict.for_leader(over.low, over.high))
        return (
            f"{level_text(self.verdict.level)} bootstrap interval over the {count(over.cases)} test cases with the "
            f"trials held fixed, {self.verdict.leader} better by {interval}: the uncertainty that comes from the test "
            "set alone"
        )

    @property
    def chances(self) -> str:
        """The probabilities of the three answers, and the permutation test's p-value where one was made.

        Returns:
            One sentence or two; empty when the probabilities are not known.
        """
        p = None if self.verdict.reasons_to_abstain else self.verdict.permutation_p
        said = f"The permutation test's p-value is {significant(p, 2)}." if p else ""
        return " ".join(one for one in (probabilities(self.verdict), said) if one)

    @property
    def warnings(self) -> list[str]:
        """Reasons to abstain that no sentence gives, and warnings with what to do: three of the verdict's at most."""
        told = " ".join((self.sentence, *self.answers, self.unsure))
        withheld = [f"Withheld: {reason}" for reason in self.verdict.reasons_to_abstain if reason not in told]
        warnings = [*sentences.warnings(self.verdict, self._sweep), self.too_few_epochs]
        return withheld + [f"Warning: {warning}" for warning in warnings if warning and warning not in told]

    @property
    def notes(self) -> list[str]:
        """Facts about the sweep that speak against nothing, such as that it was extended."""
        return [f"Note: {note}" for note in sentences.notes(self.verdict)]

    @cached_property
    def too_few_epochs(self) -> str:
        """That more epochs may pay, with the command that trains longer; empty where nothing says so."""
        return too_few_epochs(self.result)

    @property
    def pairs(self) -> list[tuple[str, ...]]:
        """Every pair of families where there are three or more.

        Returns:
            Names, how much better the first is, its interval, p adjusted by Holm, and the answer, of each pair.
        """
        if len(self.verdict.families) < 3:
            return []
        return [
            (
                f"{pair.first} against {pair.second}",
                self.style.write(pair.difference),
                self.style.interval(pair.low, pair.high),
                significant(pair.p, 2),
                f"{pair.family} better" if pair.family else _OUTCOMES[pair.outcome],
            )
            for pair in self.verdict.pairs
        ]

    @property
    def usage(self) -> list[Row]:
        """What each family spent, in every currency.

        Returns:
            A label and one cell a family, from trials requested to the loop that trained them.
        """
        return [(label, tuple(map(words, self._usages.values()))) for label, words in _USAGE]

    @property
    def _usages(self) -> dict[str, ResourceUsage]:
        return {family.family.name: family.usage for family in self.result.families}

    @property
    def fairness(self) -> str:
        """What the compared families' budgets are equal in, and what not: `Equal: 20 trials. Not equal: …`."""
        usages = {name: usage for name, usage in self._usages.items() if name in self.verdict.families}
        equal, unequal = list[str](), list[str]()
        for label, words in _FAIR:
            cells = {name: words(usage) for name, usage in usages.items()}
            if len(set(cells.values())) == 1:
                equal.append(f"{label} ({next(iter(cells.values()))})")
            else:
                unequal.append(f"{label} ({', '.join(f'{name} {cell}' for name, cell in cells.items())})")
        said = (("Equal", equal), ("Not equal", unequal))
        return " ".join(f"{which}: {'; '.join(items)}." for which, items in said if items)

    @property
    def selected(self) -> list[Row]:
        """The selected trials: hyperparameters, seed, size and length.

        Returns:
            A label and one cell a family; a dash where it has no selected trial or no such hyperparameter.
        """
        families = self.result.families
        chosen = [{name: value_words(value) for name, value in one.selected_values.items()} for one in families]
        names = dict.fromkeys(name for values in chosen for name in values)
        rows = [(name, tuple(values.get(name, MISSING) for values in chosen)) for name in names]
        return rows + [
            (label, tuple(words(family, family.selected) if family.selected else MISSING for family in families))
            for label, words in _SELECTED
        ]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What the dataset is; what is unknown is left out."""
        facts = self.result.facts
        shortest, longest = facts.steps
        train, validation, test = map(count, facts.sizes)
        rows = (
            ("task", facts.task.value),
            ("sequences", f"{train} to train, {validation} to validate, {test} to test"),
            ("steps", count(shortest) if shortest == longest else f"{shortest:,} to {longest:,}"),
            ("channels", _names(facts.channels)),
            ("targets", _names(facts.targets)),
            ("classes", _names(facts.classes)),
            ("split", facts.split),
            ("licence", facts.license),
            ("digest", facts.digest),
            ("notes", "; ".join(facts.notes)),
        )
        return [(label, value) for label, value in rows if value]

    @property
    def failures(self) -> list[TrialRecord]:
        """The failed trials."""
        return [trial for trial in self.result.trials if trial.failure is not None]

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Expected score against budget, the one bootstrap that figures and tables share.

        Returns:
            The curve of each family that has completed trials, by its name.
        """
        return curves_of(self.result)

    @cached_property
    def intervals(self) -> dict[str, str]:
        """Interval of each family's expected score, by its name."""
        ends = {family.name: self.curves.get(family.name, Curve()).at(self.verdict.trials) for family in self.families}
        return {name: self.style.interval(low, high) for name, (low, high) in ends.items()}

    @cached_property
    def figures(self) -> dict[str, Drawing]:
        """The figures that there is something to draw of.

        Returns:
            The figures by their names, in the order of the page; `difference` is the first where it is known.
        """
        drawn = islice(self._drawn(), None if self._pictured else 1)
        return {name: Drawing(name, svg, caption) for name, svg, caption in drawn if svg}

    @cached_property
    def pictures(self) -> dict[str, Drawing]:
        """What the exported model does on the test part, by name; empty where that was not recorded."""
        champion = self.result.champion
        if champion is None or champion.diagnostics is None or not self._pictured:
            return {}
        places = [place for place, family in enumerate(self.families) if family.name == champion.arm]
        drawn = pictures.drawn(champion.diagnostics, self.anchor, look_of(*places))
        return {name: Drawing(name, svg, caption) for name, svg, caption in drawn}

    @property
    def drawn(self) -> dict[str, Drawing]:
        """The figures and the pictures."""
        return {**self.figures, **self.pictures}

    def _drawn(self) -> Iterator[tuple[str, str | None, str]]:
        result, trials = self.result, self.verdict.trials
        over = f"The thin line is the {self.over_cases}. " if self.over_cases else ""
        yield (
            "difference",
            differences.difference(result, f"{self.anchor}-difference"),
            f"{'Families: ' if self.verdict.models or self.verdict.configurations else ''}{self.difference}. {over}"
            f"The grey zone is the equivalence margin, ± {self.style.with_unit(self.verdict.margin)} "
            f"({self._margin_source}).",
        )
        scored = ", scored over all test cases" if self.scored_over else ""
        line = f" The dotted line is the best baseline, {self.baseline}." if self.baseline else ""
        yield (
            "trials",
            draw.trials(result, f"{self.anchor}-trials"),
            f"Every completed trial{scored}. The one with the best validation score is selected.{line}",
        )
        yield (
            "budget",
            draw.budget(result, self.curves, f"{self.anchor}-budget"),
            "Expected test score of the trial that a search of n trials selects, with its interval; the line at "
            f"{trials} is this budget. {self._lead()}".rstrip(),
        )
        yield (
            "spread",
            draw.spread(result, f"{self.anchor}-spread"),
            "Spread of the test scores: between replicates, each with a selected trial of its own, and between seeds.",
        )
        worth = importances_of(result)
        yield (
            "progress",
            searches.progress(result, f"{self.anchor}-progress"),
            "The best validation score so far, trial by trial; the test score decides nothing here.",
        )
        yield (
            "parallel",
            searches.parallel(result, worth, f"{self.anchor}-parallel"),
            "Every trial is a line over its hyperparameters to its validation score, the best on top.",
        )
        learning = draw.learning(result, f"{self.anchor}-learning")
        yield "learning", learning, "The selected trials, epoch by epoch."
        for name, by, what in (
            ("parameters", "parameters", "trainable weights"),
            ("seconds", "fit_seconds", "training time"),
        ):
            yield name, draw.cost(result, by, f"{self.anchor}-{name}"), f"Test score by {what}: all completed trials."
        yield (
            "importances",
            draw.importances(result, worth, f"{self.anchor}-importances"),
            "Which hyperparameters mattered: by how much worse a forest ranks the trials when one is permuted.",
        )
        if result.explanation:
            yield from explained.drawn(result.explanation, self.anchor)

    @property
    def about_baselines(self) -> tuple[str, ...]:
        """What stands beside the baselines' scores: which have none, and the published score."""
        skipped = "; ".join(f"{one.name} ({one.why})" for one in self.result.skipped)
        told = (f"Skipped baselines: {skipped}.",) if skipped else ()
        if (known := self.result.reference) is None:
            return told
        note = f" {known.note.rstrip('.')}." if known.note else ""
        score = self.style.write(known.score)
        return (*told, f"Published score: {score}, {known.model} ({known.source.rstrip('.')}).{note}")

    @property
    def _margin_source(self) -> str:
        best = self.result.best_baseline
        return margin_source(self.verdict, self.result.objective, best.test_score if best else None)

    def _lead(self) -> str:
        """Who leads from which budget on, in a sentence."""
        leads = leads_of(self.result)
        if len(leads) < 2:
            return f"At every number of trials {leads[0][1]} is expected to do best." if leads else ""
        changes = ", ".join(f"{family} from {counted(trials, 'trial')} on" for trials, family in leads)
        return f"Who leads changes with the budget: {changes}."


def figures(comparison: ComparisonResult) -> dict[str, Drawing]:
    """The figures of the report by their names, such as `difference`, `trials` and `budget`, and pictures of the model.

    A notebook shows a figure as a picture; its `svg` can be written into a file.

    Args:
        comparison: One of a result's `comparisons`.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(comparison, ComparisonResult):
        kind = type(comparison).__name__
        raise UsageError(f"figures({kind}): expected a comparison, such as the result's comparisons[0]")
    return ComparisonView(comparison).drawn


def _style(result: ComparisonResult) -> Style:
    verdict, best = result.verdict, result.best_baseline
    values = [*verdict.expected.values(), *(family.test_score for family in result.families)]
    values += [_published(result, family) for family in result.families]
    spreads = [mean_and_spread(family.seed_scores)[1] for family in result.families]
    return style_of(
        [*values, best.test_score if best else None],
        [*spreads, (verdict.high - verdict.low) / 2],
        result.objective.unit,
    )


def _family_view(result: ComparisonResult, place: int, style: Style) -> FamilyView:
    family, look, found = result.families[place], look_of(place), result.verdict.recommendation
    name, by_model = family.family.name, found is not None and found.use is not Use.BASELINE
    return FamilyView(
        name=name,
        color=look.color,
        symbol=look.symbol,
        expected=style.write(result.verdict.expected.get(name)),
        selected=style.write(_published(result, family)),
        whole=style.write(family.test_score),
        repeated=style.with_spread(*mean_and_spread(family.seed_scores)),
        seeds=len(family.seed_scores),
        recommended=name == (result.verdict.family if found is None else found.family if by_model else None),
    )


def _published(result: ComparisonResult, family: FamilyResult) -> float | None:
    """The test score of a family's selected model, by cases that did not help to choose it."""
    found = result.verdict.recommendation
    return family.test_score if found is None else found.scores.get(family.family.name)


def _baseline_score(verdict: Verdict, best: BaselineScore) -> float:
    """The best baseline's test score, over the same cases as the selected models' where those are known."""
    known = verdict.recommendation.baseline_score if verdict.recommendation else None
    return best.test_score if known is None else known


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(shortened(name, 40) for name in names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown += f" and {len(names) - MOST_NAMES:,} more"
    return shown if len(names) == 1 else f"{len(names):,}: {shown}"
