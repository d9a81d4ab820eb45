"""`harness spaces`: what is searched for each family, and what differs between two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import ConfigsOption, JsonOption, as_plain, echo_json, echo_table, home_of, say
from harness.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from harness.config import Found, SearchSpace

app = typer.Typer(help="List, show, check, compare and begin search spaces.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME|PATH", help="Name or path of a family's search space.")]


@app.command("list")
def list_configs(cards: ConfigsOption = None, as_json: JsonOption = False) -> None:
    """All families that can be searched, and the cards that are broken."""
    from harness.config import list_spaces

    found = list_spaces(cards or ())
    if as_json:
        echo_json([as_plain(one) for one in found])
        return
    header = ("NAME", "LAYER", "TITLE", "HYPERPARAMETERS", "CARD")
    echo_table(header, [_row(one, one.config) for one in found if one.config])
    for one in found:
        if one.error:
            say(f"broken: {one.error}")


@app.command("show")
def show(name: NameArgument, cards: ConfigsOption = None, as_json: JsonOption = False) -> None:
    """One search space, with what it extends merged in."""
    from harness.config.space import in_words

    found, config = _find(name, cards)
    if as_json:
        echo_json(as_plain(found))
        return
    say(f"{config.name}: {config.title}\n{found.path.absolute()}\n{home_of(found)}, sha256 {found.sha256}\n")
    rows = [(key, in_words(value)) for key, value in config.hyperparameters.items()]
    echo_table((f"layer {config.layer}, sized by {config.capacity}", ""), rows)


@app.command("check")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="Name or path of a card.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check all search spaces.")] = False,
    cards: ConfigsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a search space and all that it extends."""
    from harness.config import find_space, list_spaces

    if (name is None) is not every:
        raise UsageError("expected either the name or path of a search space, or --all")
    found = [find_space(name, cards or ())] if name else list_spaces(cards or ())
    if as_json:
        echo_json([as_plain(one) for one in found])
    else:
        for one in found:
            say(f"{one.name}: {one.error or f'in order ({home_of(one)})'}")
    if bad := sum(one.error is not None for one in found):
        raise ConfigError(f"{bad} of {len(found)} search spaces are not in order")


@app.command("diff")
def diff(
    first: NameArgument,
    second: NameArgument,
    cards: ConfigsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What differs between two search spaces."""
    from dataclasses import asdict

    from harness.config.space import differences

    one, other = _find(first, cards)[1], _find(second, cards)[1]
    found = differences(one, other)
    if as_json:
        echo_json([asdict(difference) for difference in found])
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
    origin: Annotated[str, typer.Option("--from", metavar="NAME|PATH", help="The search space to begin from.")],
    cards: ConfigsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a card that is there.")] = False,
) -> None:
    """Begin a search space of your own: writes ./search_spaces/NAME.toml to be changed."""
    from harness.config.template import check_new_name, path_from, space_text, write_new

    check_new_name(name)
    found, config = _find(origin, cards)
    path = Path("search_spaces") / f"{name}.toml"
    beside = found.path.resolve().parent == path.parent.resolve()
    if beside and found.name == name:
        raise UsageError(f"{path}: cannot begin from itself; expected another name")
    extends = found.name if found.builtin or beside else path_from(path.parent, found.path)
    write_new(path, space_text(name, config, extends), force)
    say(f"wrote {path}, which is {found.name} so far\nTake away the # before what shall differ, then:")
    if name == found.name:
        say(f"  harness spaces show {name}")
    else:
        say(f"  harness spaces diff {origin} {name}")
        say(f"  harness sweep DATASET --family {origin} --family {name}")


def _find(name: str, cards: list[Path] | None) -> tuple[Found[SearchSpace], SearchSpace]:
    from harness.config import find_space

    found = find_space(name, cards or ())
    assert found.config is not None  # `find_space` raises for a broken one
    return found, found.config


def _row(found: Found[SearchSpace], config: SearchSpace) -> tuple[str, ...]:
    searched = [name for name, given in config.hyperparameters.items() if given.type != "Fixed"]
    return (found.name, config.layer, config.title, ", ".join(searched) or "none searched", home_of(found))
