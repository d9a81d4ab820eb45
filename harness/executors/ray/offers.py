"""The parent's side of files that travel: each is put into the cluster's memory once, and forgotten in time."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ray

from harness.errors import ExecutorError, UsageError
from harness.executors.ray.cluster import Node
from harness.executors.ray.files import Digests, files_in
from harness.executors.resources import MB

SHARE_OF_STORE = 0.5
"""What of the smallest object store files may take that are offered at the same time."""


class Offers:
    """Files in the cluster's memory."""

    def __init__(self) -> None:
        self._digests = Digests()
        self._references: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._largest = math.inf

    def fit(self, paths: Iterable[str], nodes: Iterable[Node]) -> None:
        """See that what tasks read fits into the memory that nodes share.

        Args:
            paths: Files and folders of one data set.
            nodes: The living ones.

        Raises:
            UsageError: It does not; the message says how much is there and what to do.
        """
        smallest = min(nodes, key=lambda node: node.store_bytes)
        self._largest = smallest.store_bytes
        sizes = {str(path): path.stat().st_size for path in files_in(paths)}
        if sum(sizes.values()) > self._largest:
            raise UsageError(
                f"{max(sizes, key=lambda path: sizes[path])}: {sum(sizes.values()) / MB:,.0f} MB of data, and the "
                f"object store of {smallest.host} has {self._largest / MB:,.0f} MB: expected --shared-data, with the "
                "files at the same path on every node, or `ray start --object-store-memory BYTES`"
            )

    def of(self, paths: Iterable[str]) -> dict[str, tuple[str, tuple[Any]]]:
        """Path of each file → its digest, and where in the cluster's memory it is.

        Raises:
            ExecutorError: A file cannot be read, or the memory has no room for it.
        """
        try:
            return {str(path.absolute()): self._offer(path) for path in files_in(paths)}
        except OSError as error:
            raise ExecutorError(f"{error.filename}: cannot be read: {error.strerror}") from error

    def _offer(self, path: Path) -> tuple[str, tuple[Any]]:
        digest = self._digests.of(path)
        if digest not in self._references:
            try:
                self._references[digest] = ray.put(path.read_bytes()), path.stat().st_size
            except ray.exceptions.RayError as error:
                raise ExecutorError(f"{path}: no room in the cluster's object store: {error}") from error
        self._references.move_to_end(digest)
        self._forget_oldest()
        return digest, (self._references[digest][0],)

    def _forget_oldest(self) -> None:
        total = sum(size for _, size in self._references.values())
        while total > SHARE_OF_STORE * self._largest and len(self._references) > 1:
            _, (_, size) = self._references.popitem(last=False)
            total -= size
