import pytest

from harness.config import find_datasets, list_datasets, suites_of
from harness.config.sweep import SweepConfig
from harness.data.readers.paths import _CURES
from harness.errors import ConfigError, UsageError
from harness.sweeps.plan import resolve

CARD = """
name = "{name}"
suites = {suites}
[source]
kind = "generator"
generator = "adding"
[task]
kind = "regress"
"""


@pytest.fixture
def folder(tmp_path):
    for name, suites in (("one", '["mine", "small"]'), ("two", '["mine"]'), ("mine_too", '["two"]')):
        (tmp_path / f"{name}.toml").write_text(CARD.format(name=name, suites=suites))
    return tmp_path


def names(found):
    return [one.name for one in found]


def test_a_suite_stands_for_its_datasets_and_a_dataset_goes_first(folder):
    assert names(find_datasets("mine", [folder])) == ["one", "two"]
    assert names(find_datasets("two", [folder])) == ["two"]
    assert "one" in names(find_datasets("small", [folder]))
    assert names(find_datasets(str(folder / "one.toml"), [folder])) == ["one"]


def test_a_misspelt_suite_is_told_as_datasets_are(folder):
    with pytest.raises(ConfigError, match=r'^dataset "smal" is unknown.*suite small\?$'):
        find_datasets("smal", [folder])


def test_the_suites_that_are_promised_are_there_and_each_dataset_of_ours_is_in_one():
    known = [found for found in list_datasets() if found.builtin]
    suites = suites_of(known)
    assert {"small", "medium", "large", "known-answers"} <= suites.keys()
    sizes = [names(suites[size]) for size in ("small", "medium", "large")]
    assert sum(map(len, sizes)) == len(set().union(*sizes))


def test_a_plan_may_name_suites_that_overlap_but_no_dataset_twice(folder):
    plan = SweepConfig(datasets=("mine", "small"))
    header = resolve(plan, [folder])
    assert header.plan.datasets[:2] == ("one", "two")
    assert len(set(header.plan.datasets)) == len(header.plan.datasets) > 5
    with pytest.raises(UsageError, match=r"^one: named twice"):
        resolve(SweepConfig(datasets=("one", str(folder / "one.toml"))), [folder])


def test_the_suites_by_size_take_no_package_beside_the_plain_installation():
    plain = {name for name, words in _CURES.items() if "--no-deps" in words}
    assert "aeon" in plain
    suites = suites_of([found for found in list_datasets() if found.builtin])
    for size in ("small", "medium", "large", "known-answers"):
        for found in suites[size]:
            text = found.path.read_text(encoding="utf-8")
            assert not [name for name in plain if f"package:{name}/" in text], found.name
