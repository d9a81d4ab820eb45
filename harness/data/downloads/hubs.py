"""Where the files of OpenML and of Hugging Face's hub are: asked of the two by `datasets fetch` alone.

What they answer is an address, and for a commit the file's checksum; the file itself comes as every other one does,
by `fetcher`, with its rules. scikit-learn's `fetch_openml` and huggingface_hub's `hf_hub_download` are not what brings
it: they know no limit of size, and follow a redirection to any address in silence.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.config.addresses import is_safe_address
from harness.config.sources import HuggingFaceSource, OpenmlSource, Source
from harness.data.downloads.fetcher import HEADERS, SECONDS, SHA1_DIGITS, Copies, RemoteFile, opener
from harness.errors import AbsentDataError, DataError, UsageError

_LARGEST_DESCRIPTION = 1 << 20
"""Bytes of OpenML's description of a data set."""


def located(
    source: Source, files: Mapping[str, RemoteFile], say: Callable[[str], None], copies: Copies | None
) -> dict[str, RemoteFile]:
    """Files with the addresses and checksums that they are brought by.

    Args:
        source: A config's source.
        files: Its files, by name.
        say: Told of what the user should know, such as the licence that OpenML states.
        copies: Where the files are taken from instead, in which case no address is called.

    Raises:
        AbsentDataError: The hub cannot be reached, or the copies are of no Hugging Face cache.
        DataError: The hub knows no such file.
        UsageError: The library for the hub is not installed.
    """
    if isinstance(source, HuggingFaceSource):
        if copies is not None:
            return {name: _in_a_cache(file, copies) for name, file in files.items()}
        return {name: _on_hugging_face(source, file) for name, file in files.items()}
    if isinstance(source, OpenmlSource) and copies is None:
        return {name: _on_openml(file, say) for name, file in files.items()}
    return dict(files)


def _on_openml(file: RemoteFile, say: Callable[[str], None]) -> RemoteFile:
    described = _description(file, say)
    if (kind := str(described.get("format", "")).lower()) != "arff":
        raise DataError(f"{file.name}: OpenML keeps it as {kind or 'nothing'}: expected ARFF")
    address = str(described.get("url", ""))
    if not is_safe_address(address):
        raise DataError(f"{file.name}: OpenML says it is at {address!r}: expected an address with https://")
    title, version = described.get("name", "no name"), described.get("version", "?")
    say(f"{file.name}: OpenML's {title}, version {version}, licence {described.get('licence') or 'none stated'}")
    return replace(file, address=address)


def _description(file: RemoteFile, say: Callable[[str], None]) -> dict[str, Any]:
    request = urllib.request.Request(file.address, headers=HEADERS)
    try:
        with opener(file, say).open(request, timeout=SECONDS) as answer:
            content = answer.read(_LARGEST_DESCRIPTION)
        described = json.loads(content)["data_set_description"]
    except urllib.error.HTTPError as error:
        error.close()
        known = "OpenML knows no such data set: " if error.code == http.client.PRECONDITION_FAILED else ""
        raise DataError(f"{file.name}: {known}{file.address} answered {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(file, getattr(error, "reason", error)) from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{file.name}: {file.address} did not answer with the description of a data set") from None
    if not isinstance(described, dict):
        raise DataError(f"{file.name}: {file.address} did not answer with the description of a data set")
    return described


def _on_hugging_face(source: HuggingFaceSource, file: RemoteFile) -> RemoteFile:
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise UsageError(
            '[source] kind = "huggingface": huggingface_hub is not installed: pip install '
            '"lstm-gru-harness[huggingface]"'
        ) from None
    address = hf_hub_url(
        source.name, file.name, repo_type="dataset", revision=source.revision, endpoint=os.environ.get("HF_ENDPOINT")
    )
    if not is_safe_address(address):
        raise DataError(f"{file.name}: HF_ENDPOINT leads to {address}: expected an address with https://")
    try:
        found = get_hf_file_metadata(address, timeout=SECONDS)
    except HfHubHTTPError as error:
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        why = error.response.headers.get("X-Error-Message") or "there is no such file, or it needs a login"
        raise DataError(f"{file.name}: {address} answered {status}: {why}") from None
    except Exception as error:  # whatever the client of the library's version raises where nobody answers
        raise _unreachable(replace(file, address=address), error) from None
    if found.commit_hash != file.commit:
        raise DataError(f"{file.name}: {address} is of the commit {found.commit_hash}: expected {file.commit}")
    digest = str(found.etag)
    if len(digest) not in (64, SHA1_DIGITS) or not is_safe_address(found.location):
        raise DataError(f"{file.name}: {address} leads to {found.location} with the checksum {digest!r}: cannot use it")
    return replace(file, address=address, digest=digest)


def _in_a_cache(file: RemoteFile, copies: Copies) -> RemoteFile:
    """The file with the checksum that a cache of huggingface_hub's calls it by."""
    for folder in copies.folder.rglob(file.commit):
        digest = (folder / file.name).resolve().name
        if (folder / file.name).is_file() and len(digest) in (64, SHA1_DIGITS):
            return replace(file, digest=digest)
    raise AbsentDataError(
        f"{file.name}: {copies.folder} holds no snapshots/{file.commit}/{file.name}: expected a cache of "
        "huggingface_hub, such as ~/.cache/huggingface/hub"
    )


def _unreachable(file: RemoteFile, why: object) -> AbsentDataError:
    reason = " ".join(str(why).split())
    return AbsentDataError(
        f"{file.name}: {file.address} cannot be reached ({reason}): --from DIR takes copies from a folder"
    )
