import hashlib
from pathlib import Path

import pytest

from harness.config import find_dataset, find_space, list_datasets, list_spaces
from harness.config.lookup import builtin_folder
from harness.errors import ConfigError

BUILTIN = sorted(path.stem for path in builtin_folder("datasets").rglob("*.toml"))
KNOWN = sorted([*BUILTIN, "airline"])


def test_built_in_cards_are_found_from_anywhere(project):
    found = find_dataset("vic_elec")
    assert (found.name, found.builtin, found.overrides, found.error) == ("vic_elec", True, False, None)
    assert found.path == builtin_folder("datasets") / "vic_elec.toml"
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()


def test_a_users_card_goes_before_a_built_in_one_and_says_so(write_dataset):
    path = write_dataset("vic_elec")
    found = find_dataset("vic_elec")
    assert (found.path.absolute(), found.builtin, found.overrides) == (path, False, True)
    assert [one.name for one in list_datasets()] == BUILTIN
    assert [one.name for one in list_datasets() if one.overrides] == ["vic_elec"]


def test_a_card_is_found_by_path_from_any_folder(write_dataset, project):
    path = write_dataset("mine", folder="elsewhere/deep")
    for spelling in (str(path), "elsewhere/deep/mine.toml", "./elsewhere/deep/mine.toml"):
        assert find_dataset(spelling).name == "mine"
    assert not find_dataset(str(path)).overrides


def test_folders_are_searched_in_order_and_take_the_place_of_the_usual_one(write_dataset):
    write_dataset("mine", folder="datasets")
    first, second = write_dataset("both", folder="one"), write_dataset("both", folder="two")
    write_dataset("only", folder="two")
    folders = [Path("one"), Path("two")]
    assert find_dataset("both", folders).path.absolute() == first != second
    assert find_dataset("only", folders).name == "only"
    assert [one.name for one in list_datasets(folders)] == sorted([*BUILTIN, "both", "only"])
    with pytest.raises(ConfigError, match=r'^dataset "mine" is unknown'):
        find_dataset("mine", folders)


def test_a_folder_that_is_none_is_refused(project):
    with pytest.raises(ConfigError, match=r"^--config-dir nowhere: expected a folder with configs$"):
        list_datasets([Path("nowhere")])


def test_a_broken_card_stays_in_the_list_and_hides_no_other(write_dataset, project):
    write_dataset("good")
    write_dataset("bad", body="[source]\nkind = 'csv'\n")
    (project / "datasets" / "worse.toml").write_text("name = \n")
    errors = {one.name: one.error for one in list_datasets() if not one.builtin}
    assert errors == {
        "bad": "datasets/bad.toml: [source] missing key 'path': expected the path of a file, in quotes",
        "good": None,
        "worse": "datasets/worse.toml: line 1, column 8: not TOML: invalid value (text needs quotes)",
    }
    (broken,) = [one for one in list_datasets() if one.name == "bad"]
    assert (broken.config, broken.sha256) == (None, "")
    with pytest.raises(ConfigError, match=r"^datasets/bad.toml: \[source\] missing key 'path'"):
        find_dataset("bad")


def test_a_broken_card_that_overrides_is_not_replaced_by_the_built_in_one(write_dataset):
    write_dataset("vic_elec", body="")
    with pytest.raises(ConfigError, match=r"^datasets/vic_elec.toml: missing table \[source\]$"):
        find_dataset("vic_elec")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("vicelec", 'dataset "vicelec" is unknown. Did you mean vic_elec?'),
        ("zzz", f'dataset "zzz" is unknown. Known: {", ".join(KNOWN[:12])}, … ({len(KNOWN)} in all)'),
        ("datasets/arline.toml", "datasets/arline.toml: no such file. Did you mean airline.toml?"),
        ("empty/airline.toml", "empty/airline.toml: no such file"),
        ("./datasets", "datasets: expected a config file, got a folder"),
    ],
)
def test_an_unknown_card_gets_near_names(wanted, message, write_dataset):
    write_dataset("airline")
    with pytest.raises(ConfigError) as caught:
        find_dataset(wanted)
    assert str(caught.value) == message


def test_a_card_named_otherwise_than_its_file_is_told_so_when_it_is_asked_for(write_dataset):
    write_dataset("two").rename(Path("datasets/one.toml"))
    message = 'datasets/one.toml: name = "two": expected "one", as the file is called'
    for wanted in ("one", "two", "datasets/one.toml"):
        with pytest.raises(ConfigError) as caught:
            find_dataset(wanted)
        assert str(caught.value) == message


def test_two_cards_of_one_name_in_one_folder_are_an_error(write_dataset):
    write_dataset("one").rename(Path("datasets/copy.toml"))
    write_dataset("one")
    errors = {one.name: one.error for one in list_datasets() if not one.builtin}
    assert errors == {
        "copy": 'datasets/copy.toml: name = "one": expected "copy", as the file is called',
        "one": None,
    }


def test_one_folder_may_hold_cards_of_all_kinds(write_dataset, write_space):
    write_dataset("rows", folder="cards")
    write_space("small", folder="cards")
    Path("cards/plan.toml").write_text('datasets = ["rows"]\n')
    Path("cards/strange.toml").write_text('title = "of no kind"\n')
    folders = [Path("cards")]
    assert [one.name for one in list_datasets(folders) if not one.builtin] == ["rows", "strange"]
    assert [one.name for one in list_spaces(folders) if not one.builtin] == ["small", "strange"]


def test_standing_in_the_checkout_built_in_cards_are_no_cards_of_the_user(monkeypatch):
    home = builtin_folder("datasets").parent
    monkeypatch.chdir(home)
    assert [(one.name, one.builtin, one.overrides) for one in list_datasets()] == [
        (name, True, False) for name in BUILTIN
    ]


def test_paths_of_data_become_absolute_except_those_in_packages(write_dataset, project):
    assert find_dataset(str(write_dataset("one", folder="a/b"))).config.source.path == str(project / "a/b/rows.csv")
    up = write_dataset("two", folder="a/b")
    up.write_text(up.read_text().replace('"rows.csv"', '"../../rows.csv"'))
    assert find_dataset("a/b/two.toml").config.source.path == str(project / "rows.csv")
    assert find_dataset("vic_elec").config.source.path == "package:tsdata/fpp3/vic_elec.csv"
    assert find_dataset("japanese_vowels").config.source.train.startswith("package:sktime/")


def test_a_byte_order_mark_is_no_fault(write_dataset):
    path = write_dataset("marked")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert find_dataset("marked").error is None


def test_shared_parts_are_no_families(project):
    names = [one.name for one in list_spaces()]
    assert {"gru", "gru_parity", "lstm", "lstm_parity", "rnn"} < set(names)
    assert not any(name.startswith("_") for name in names)
    with pytest.raises(
        ConfigError, match=r'^family "_recurrent" is unknown\. Known: conv_attention, conv_attention_par'
    ):
        find_space("_recurrent")
    with pytest.raises(ConfigError, match=r"a shared part of search spaces, expected a family$"):
        find_space(str(builtin_folder("search_spaces") / "_recurrent.toml"))


def test_in_a_wheel_the_cards_lie_inside_the_package(tmp_path):
    package = tmp_path / "site-packages" / "harness"
    package.mkdir(parents=True)
    assert builtin_folder("sweeps", package) == package / "_builtin" / "sweeps"
    (tmp_path / "site-packages" / "pyproject.toml").touch()
    assert builtin_folder("sweeps", package) == tmp_path / "site-packages" / "sweeps"
