"""A finished comparison and a sweep as they stand: what reports, MLflow and exports are made from."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import UsageError
from harness.records.answers import Recommendation
from harness.records.diagnostics import Diagnostics
from harness.records.intervals import Coverage
from harness.records.serialization import KEY, Record, decode
from harness.records.trials import (
    BaselineScore,
    CaseScores,
    Family,
    Objective,
    ResourceUsage,
    SkippedBaseline,
    TaskKind,
    TrialRecord,
    Value,
)
from harness.records.verdicts import Across, ScoreRow, Terms, Verdict


@dataclass(frozen=True, slots=True)
class Band(Record):
    """A quantity by step or distance: its median over sequences and where the middle 80 % of them lie.

    Attributes:
        median: One number a step or distance.
        low: The 10 % quantile.
        high: The 90 % quantile.
    """

    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GradientReach(Record):
    """How the gradient of a sequence's loss with respect to states or inputs changes with the distance in steps.

    Attributes:
        relative: Its norm at distance 1, 2, 3, … from the last step, divided by the sequence's own norm at distance 1.
        norm: Mean norm at distance 1, in scaled units.
        half_life_steps: Steps back from distance 1 in which the median has halved; None where it never does.
    """

    relative: Band
    norm: float
    half_life_steps: float | None

    @property
    def longest_steps(self) -> int:
        """Steps back from distance 1 to the furthest distance seen."""
        return max(0, len(self.relative.median) - 1)


@dataclass(frozen=True, slots=True)
class GateOpenness(Record):
    """How open one kind of gate stands, from 0 (nothing passes) to 1.

    Attributes:
        gate: `input`, `forget` or `output` of an LSTM; `update` or `reset` of a GRU.
        by_step: Openness at step 1, 2, 3, … over sequences and units.
        mean: Mean over sequences, steps and units.
        closed: Share of them at 0.1 or less.
        open: Share of them at 0.9 or more.
    """

    gate: str
    by_step: Band
    mean: float
    closed: float
    open: float


@dataclass(frozen=True, slots=True)
class ExplainedCell(Record):
    """One trained network, looked into.

    Attributes:
        name: The family it was selected for, or the family of a reference.
        family: Its family.
        reference: Whether it took no part in the comparison and was trained to compare with.
        trial: Key of its trial.
        values: Its hyperparameters.
        validation_score: Its validation score, in the objective's unit.
        before: Reach of the gradient with the initial weights.
        after: Reach of the gradient with the trained weights.
        gates: Openness with the trained weights; empty for a cell without gates.
        notes: What to know of it, such as that it was trained again.
        respect_to: What the gradient is with respect to: `states`, of a stack of recurrent layers, or `inputs`.
    """

    name: str
    family: str
    reference: bool
    trial: str
    values: Mapping[str, Value]
    validation_score: float
    before: GradientReach
    after: GradientReach
    gates: tuple[GateOpenness, ...]
    notes: tuple[str, ...] = ()
    respect_to: str = "states"


@dataclass(frozen=True, slots=True)
class Explanation(Record):
    """What the selected network of each family does with a dataset, beside a plain RNN.

    Attributes:
        dataset: Name of the dataset.
        sequences: Sequences of the validation part that were looked at.
        cells: The families' networks in their order, then the reference.
    """

    dataset: str
    sequences: int
    cells: tuple[ExplainedCell, ...]


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """One family's part of a finished comparison.

    Attributes:
        family: Which family.
        budget report: What it spent.
        selected: The trial selected by validation over all replicates; None when no trial completed.
        selected_values: Its hyperparameters.
        selected_seed: Its seed.
        validation_score: Its validation score.
        test_score: Its test score.
        seed_scores: Test scores of the selected hyperparameters, retrained with fresh seeds.
        seed_repeats: Keys of these retrainings, as text, in the same order.
    """

    family: Family
    usage: ResourceUsage
    selected: TrialRecord | None
    selected_values: Mapping[str, Value]
    selected_seed: int
    validation_score: float | None
    test_score: float | None
    seed_scores: tuple[float, ...] = field(metadata={KEY: "confirmations"})
    seed_repeats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChampionInfo(Record):
    """The exported model of a comparison.

    Attributes:
        name: Registered name, the dataset's unless the sweep was given another.
        version: Registered version.
        alias: `champion` when it beats the best baseline and chance, and is not worse than the champion before it, else
            `candidate`; empty where both are somebody else's.
        family: Family of its cell.
        arm: The side of the comparison that it came from.
        trial: Key of its trial.
        why: Why this family's model was exported, in one sentence.
        test_score: Its logged test score, which the registered model gave again in a new process.
        path: Folder of the saved model.
        alias_because: Which alias moved, or did not, and why, in one line with both scores; empty where nothing had it.
        coverage: What its prediction intervals cover of the test part, a level each; empty where it has none.
        diagnostics: What it does on the test part, for pictures; None where that was not recorded.
    """

    name: str
    version: str
    alias: str
    family: str
    arm: str
    trial: str
    why: str
    test_score: float
    path: str
    alias_because: str = ""
    coverage: tuple[Coverage, ...] = ()
    diagnostics: Diagnostics | None = None

    @property
    def reference(self) -> str:
        """What MLflow calls it: by its alias, where it has one."""
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class DataFacts(Record):
    """What a dataset is, for people and for the record.

    Attributes:
        title: One line for people.
        task: What is predicted.
        sizes: Number of sequences or windows of the training, validation and test parts.
        steps: Shortest and longest sequence, in steps.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        classes: Class names; empty unless the task is `classify`.
        digest: Digest of the full content of all parts.
        license: Licence of the data.
        split: The rule of the split, in words.
        notes: What loading had to say, warnings among them.
        rows: The training, validation and test part's places in the source, from 0, as ranges such as `0-9,12`: first
            rows of windows, or sequences.
        leaks: By what an answer is among the inputs, a sentence each, which are among the notes too; any keeps a
            verdict from being made.
    """

    title: str
    task: TaskKind
    sizes: tuple[int, int, int]
    steps: tuple[int, int]
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    digest: str
    license: str
    split: str
    notes: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DataFacts:
        """The facts that `to_json` wrote; in 0.1.0 a leak was told by the words of its note alone."""
        told = [note.partition("warning: ") for note in plain["notes"] if "can be read off" in note]
        leaks = [sentence for before, _, sentence in told if not before and sentence]
        facts: DataFacts = decode(cls, {"leaks": leaks, **plain})
        return facts


@dataclass(frozen=True, slots=True)
class PublishedScore(Record):
    """A published score on the same dataset, by the same metric.

    Attributes:
        score: The score.
        model: What reached it.
        source: Where that is written.
        note: How far it can be compared with ours.
    """

    score: float
    model: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonResult:
    """Everything known of one dataset when its comparison is over; what a report is written from.

    Attributes:
        dataset: Name of the dataset.
        facts: What the dataset is.
        objective: The metric of all scores here.
        families: Each family's part, in the order of the sweep.
        baselines: Scores of the models without a recurrent cell.
        verdict: What is decided.
        champion: The exported model; None when nothing was exported.
        trials: All search trials, in the order they were asked.
        scores: Test score of each trial, by its key's text.
        rows: The table that the verdict was made from.
        values: Hyperparameters of each trial, by its key's text.
        explanation: What the selected networks do with the data; None where nobody asked.
        terms: What the verdict was made by, apart from `rows`; None where that is not known.
        cases: Scores over test cases of each trial that has them, by its key's text.
        skipped: Baselines that have no score, with why.
        reference: The published score that the dataset's config names, where its metric is the objective.
    """

    dataset: str
    facts: DataFacts
    objective: Objective
    families: tuple[FamilyResult, ...]
    baselines: tuple[BaselineScore, ...]
    verdict: Verdict
    champion: ChampionInfo | None
    trials: tuple[TrialRecord, ...]
    scores: Mapping[str, float]
    rows: tuple[ScoreRow, ...]
    values: Mapping[str, Mapping[str, Value]]
    explanation: Explanation | None = None
    terms: Terms | None = None
    cases: Mapping[str, CaseScores] = field(default_factory=dict)
    skipped: tuple[SkippedBaseline, ...] = ()
    reference: PublishedScore | None = None

    @property
    def best_baseline(self) -> BaselineScore | None:
        """The baseline that validation selects; None when there is none."""
        return BaselineScore.best(self.baselines, self.objective)

    def __repr__(self) -> str:
        return f"<ComparisonResult {self.dataset}: {', '.join(f'{key} {value}' for key, value in self._told.items())}>"

    def _repr_html_(self) -> str:
        """How a notebook shows it: the outcome, and the families' scores as a table."""
        columns = ("family", "completed trials", f"validation {self.objective.metric}", f"test {self.objective.metric}")
        rows = [
            (
                one.family.name,
                f"{self.verdict.completed.get(one.family.name, 0):,}",
                *("–" if score is None else f"{score:.4g}" for score in (one.validation_score, one.test_score)),
            )
            for one in self.families
        ]
        told = "; ".join(f"{key}: {value}" for key, value in self._told.items())
        table = _row("th", columns) + "".join(_row("td", row) for row in rows)
        return f"<p>{html.escape(f'{self.dataset}: {told}')}</p><table>{table}</table>"

    @property
    def _told(self) -> dict[str, str]:
        """What is most worth knowing, in a word each."""
        verdict, recommended = self.verdict, self.verdict.recommendation
        told = {"verdict": verdict.outcome.value + (f" {verdict.family}" if verdict.family else "")}
        if recommended is not None:
            told["use"] = recommended.baseline or recommended.family or "none"
        return {**told, "champion": self.champion.reference if self.champion else "none"}


def _row(cell: str, values: Iterable[str]) -> str:
    """A row of an HTML table."""
    return f"<tr>{''.join(f'<{cell}>{html.escape(value)}</{cell}>' for value in values)}</tr>"


GIVEN_UP = "failed: "
"""What the reason begins with why a comparison is not over, and never will be."""


@dataclass(frozen=True, slots=True, repr=False)
class SweepResult:
    """A sweep as it stands: what `harness report` shows.

    Attributes:
        sweep_id: Its id, also its folder's name.
        name: Its name, also the MLflow experiment's.
        comparisons: Finished comparisons, in order.
        overall: One sentence for all datasets.
        tracking_uri: Where MLflow keeps it, without a password.
        seed: The sweep's seed.
        versions: Versions of the libraries that ran it.
        unfinished: Datasets whose comparison is not over, with why.
        budget: The budget in words, such as `12 trials a family`.
        across: The numbers behind `overall`; None for a single dataset.
        behind: Why MLflow does not hold everything yet; empty when it does.
        extendable: Whether `harness sweep --extend` may add replicates: not where minutes are the budget, nor where
            replicates are added until it is decided.
        answer: What `print` shows: what to use on each dataset, a line each, then the sentence for all of them.
        data_in_report: Whether its report may show windows of the data, names of classes, and paths.
        began: When it began, in seconds since 1970; None where that is not known.
        ended: When the last thing happened.
    """

    sweep_id: str
    name: str
    comparisons: tuple[ComparisonResult, ...]
    overall: str
    tracking_uri: str
    seed: int
    versions: Mapping[str, str]
    unfinished: Mapping[str, str]
    budget: str
    across: Across | None = None
    behind: str = ""
    extendable: bool = True
    answer: str = ""
    data_in_report: bool = True
    began: float | None = None
    ended: float | None = None

    @property
    def to_come(self) -> tuple[str, ...]:
        """The datasets whose comparison is neither over nor given up: with any the result is a partial one."""
        return tuple(name for name, why in self.unfinished.items() if not why.startswith(GIVEN_UP))

    def __str__(self) -> str:
        return self.answer or repr(self)

    def __repr__(self) -> str:
        finished = ", ".join(one.dataset for one in self.comparisons) or "nothing"
        left = f"; unfinished: {', '.join(self.unfinished)}" if self.unfinished else ""
        return f"<SweepResult {self.sweep_id}: {finished} compared{left}>"

    def _repr_html_(self) -> str | None:
        """How a notebook shows it: what `print` shows, a paragraph a line."""
        paragraphs = (f"<p>{html.escape(line)}</p>" for line in self.answer.splitlines())
        return "".join(paragraphs) or None

    def to_extend(self, options: str = "") -> str | None:
        """What `harness sweep --extend` is given to add replicates; None where it may not.

        Args:
            options: What a command is given besides to mean the sweep's store, such as ` --store DIR`.
        """
        return f"{self.sweep_id}{options}" if self.extendable else None

    @property
    def recommendations(self) -> dict[str, Recommendation | None]:
        """What to use on each dataset, by its name; None in a verdict of 0.1.0, which recommends nothing.

        `lower_loss` is positive where what is recommended is better, `regret` where it may cost more, whichever
        direction the metric has.
        """
        return {one.dataset: one.verdict.recommendation for one in self.comparisons}

    @property
    def recommendation(self) -> Recommendation | None:
        """What to use on the one dataset of this sweep; as in `recommendations`.

        Raises:
            UsageError: There is no finished dataset, or there are several.
        """
        if len(self.comparisons) != 1:
            names = ", ".join(one.dataset for one in self.comparisons) or "none is finished"
            raise UsageError(f"recommendation: expected one dataset, got {names}; use recommendations[DATASET]")
        return self.comparisons[0].verdict.recommendation
