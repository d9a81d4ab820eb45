"""`harness spaces`: what is searched for each family, and what differs between two."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import ConfigDirOption, JsonOption, as_plain, home_of
from harness.cli.terminal.output import say, say_json, say_table
from harness.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from harness.config import Found, SearchSpace

app = typer.Typer(help="Search spaces: list, show, check, diff, new.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME|PATH", help="Name or path of a search space.")]


@app.command("list")
def list_configs(config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List all search spaces, those with errors too."""
    from harness.config import list_spaces

    found = list_spaces(config_dir or ())
    if as_json:
        say_json([as_plain(one) for one in found])
        return
    header = ("NAME", "LAYER", "TITLE", "HYPERPARAMETERS", "CONFIG")
    say_table(header, [_row(one, one.config) for one in found if one.config], spare=("CONFIG", "LAYER"))
    for one in found:
        if one.error:
            say(f"invalid: {one.error}")


@app.command("show")
def show(name: NameArgument, config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """Show a search space with everything that it extends."""
    from harness.config.space import in_words

    found, config = _find(name, config_dir)
    if as_json:
        say_json(as_plain(found))
        return
    say(f"{config.name}: {config.title}\n{found.path.absolute()}\n{home_of(found)}, sha256 {found.sha256}\n")
    rows = [(key, in_words(value)) for key, value in config.hyperparameters.items()]
    rows += [(name, "as the dataset has it") for name in config.by_data if name not in config.hyperparameters]
    rows += [("those that it asks for", "found when a sweep starts")] if config.build else []
    say_table((_made_by(config), ""), rows)


@app.command("check")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="Name or path of a search space.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check all search spaces.")] = False,
    run: Annotated[
        bool, typer.Option("--run", help="Build and train its networks too, for every kind of problem; runs its code.")
    ] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a search space and everything that it extends."""
    from harness.config import find_space, list_spaces

    if (name is None) is not every:
        raise UsageError("expected either the name or path of a search space, or --all")
    if run:
        if name is None:
            raise UsageError("--run: expected the name or path of one search space")
        _conform(_find(name, config_dir)[1], as_json=as_json)
        return
    found = [find_space(name, config_dir or ())] if name else list_spaces(config_dir or ())
    if as_json:
        say_json([as_plain(one) for one in found])
    else:
        for one in found:
            say(f"{one.name}: {one.error or f'valid ({home_of(one)})'}")
    if bad := sum(one.error is not None for one in found):
        raise ConfigError(f"{bad} of {len(found)} search spaces are invalid")


@app.command("diff")
def diff(
    first: NameArgument, second: NameArgument, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Show what differs between two search spaces."""
    from harness.config.space import differences

    one, other = _find(first, config_dir)[1], _find(second, config_dir)[1]
    found = differences(one, other)
    if as_json:
        say_json([asdict(difference) for difference in found])
        return
    if not found:
        say(f"{one.name} and {other.name}: nothing differs but their names")
    for difference in found:
        say(difference.key)
        say(f"  {one.name}: {difference.first or 'has none'}")
        say(f"  {other.name}: {difference.second or 'has none'}")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new family.")],
    origin: Annotated[str, typer.Option("--from", metavar="NAME|PATH", help="Search space to start from.")],
    config_dir: ConfigDirOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write ./search_spaces/NAME.toml, to be edited."""
    from harness.config.inferred.template import check_new_name, path_from, space_text, write_new

    check_new_name(name)
    found, config = _find(origin, config_dir)
    path = Path("search_spaces") / f"{name}.toml"
    beside = found.path.resolve().parent == path.parent.resolve()
    if beside and found.name == name:
        raise UsageError(f"{path}: cannot extend itself; expected another name")
    extends = found.name if found.builtin or beside else path_from(path.parent, found.path)
    write_new(path, space_text(name, config, extends), force)
    if as_json:
        say_json({"path": str(path), "name": name, "from": found.name})
        return
    say(f"wrote {path}, so far the same as {found.name}\nUncomment and edit what should differ, then:")
    if name == found.name:
        say(f"  harness spaces show {name}")
    else:
        say(f"  harness spaces diff {origin} {name}")
        say(f"  harness sweep DATASET --family {origin} --family {name}")


def _conform(config: SearchSpace, *, as_json: bool) -> None:
    """Hold the family's networks to the contract of `harness.models.families`, a line each kind of problem."""
    from harness.checks.conformance import PROBLEMS, check_family
    from harness.config.space import cannot

    wrong, told = 0, []
    for problem, findings in check_family(config):
        wrong += bool(findings)
        told += [{"problem": problem, "findings": [asdict(one) for one in findings]}]
        if not as_json:
            refused = "not for it" if cannot(config, PROBLEMS[problem].task) else "conforms"
            say(f"{problem}: {'; '.join(dict.fromkeys(one.what for one in findings)) or refused}")
    if as_json:
        say_json(told)
    if wrong:
        raise ConfigError(f"{config.name}: does not conform on {wrong} of {len(PROBLEMS)} kinds of problems")


def _find(name: str, folders: list[Path] | None) -> tuple[Found[SearchSpace], SearchSpace]:
    from harness.config import find_space

    found = find_space(name, folders or ())
    assert found.config is not None  # `find_space` raises for a broken one
    return found, found.config


def _made_by(config: SearchSpace) -> str:
    return f"layer {config.layer}, sized by {config.capacity}" if config.layer else f"built by {config.build}"


def _row(found: Found[SearchSpace], config: SearchSpace) -> tuple[str, ...]:
    searched = [name for name, given in config.hyperparameters.items() if given.type != "Fixed"]
    none = "those that it asks for" if config.build else "none searched"
    return (found.name, config.made_of, config.title, ", ".join(searched) or none, home_of(found))
