"""The policies of a curve in JSON: fields that are alike once, all others as columns.

Hundreds of threshold vectors are one list of lists.  What is read stays in that form, and a policy
is built when somebody asks for it: a report reads a thousand curves, and shows few policies of each.

Must not import torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from aebnas.errors import DataError
from aebnas.exits.core.arrays import refuse_nan_thresholds
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.threshold_codec import decode_thresholds
from aebnas.exits.policies.table import policy_from_dict


class StoredPolicies(Sequence[ExitPolicy]):
    """Policies as JSON holds them, each built on demand."""

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Check that the groups fit together, and that every policy can be built.

        Args:
            groups: As ``encode_policies`` writes them.

        Raises:
            DataError: They do not.
        """
        self.groups = tuple(groups)
        self._owner, self._row = _owners(self.groups)
        exits = {number for group in self.groups for number in _exit_numbers(group)}
        if len(exits) > 1:
            raise DataError(f"The policies of a curve have one number of exits, but got {sorted(exits)}.")

    def __len__(self) -> int:
        """Return the number of policies."""
        return len(self._owner)

    @overload
    def __getitem__(self, index: int) -> ExitPolicy: ...

    @overload
    def __getitem__(self, index: slice) -> list[ExitPolicy]: ...

    def __getitem__(self, index: int | slice) -> ExitPolicy | list[ExitPolicy]:
        """Return the policy at a position, or those of a slice.

        Raises:
            DataError: A field of it is wrong.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        group = self.groups[self._owner[index]]
        return policy_from_dict({**group["alike"], **_row(group["columns"], self._row[index])})

    def __iter__(self) -> Iterator[ExitPolicy]:
        """Return the policies in order."""
        return (self[i] for i in range(len(self)))


def encode_policies(policies: Sequence[ExitPolicy]) -> list[dict[str, Any]]:
    """Return policies as plain values for JSON: a group for every kind and score."""
    if isinstance(policies, StoredPolicies):
        return [dict(group) for group in policies.groups]
    members: dict[tuple[tuple[str, str], ...], list[tuple[int, dict[str, Any]]]] = {}
    for i, policy in enumerate(policies):
        plain = policy.to_dict()
        texts = tuple((name, value) for name, value in plain.items() if isinstance(value, str))
        members.setdefault(texts, []).append((i, plain))
    groups = []
    for texts, rows in members.items():
        names = [name for name in rows[0][1] if name not in dict(texts)]
        columns = {name: [plain[name] for _, plain in rows] for name in names}
        at = {} if len(members) == 1 else {"at": [i for i, _ in rows]}
        groups.append({"alike": dict(texts), "columns": columns, **at})
    return groups


def decode_policies(groups: Any) -> StoredPolicies:
    """Return the policies that ``encode_policies`` wrote.

    Raises:
        DataError: These are none.
    """
    if not isinstance(groups, list | tuple):
        raise DataError(f"The policies of a curve must be a list, but got {groups!r:.60}.")
    return StoredPolicies(groups)


def _exit_numbers(group: Mapping[str, Any]) -> set[int]:
    """Return the numbers of exits that the policies of a group decide for.

    Thresholds, of which there are hundreds, are looked at without building their policies.

    Raises:
        DataError: A policy is none.
    """
    alike, columns = group["alike"], group["columns"]
    size = len(next(iter(columns.values())))
    if set(columns) != {"thresholds"} or alike.get("policy") != "threshold":
        built = [policy_from_dict({**alike, **_row(columns, row)}) for row in range(size)]
        return {policy.exits for policy in built}
    policy_from_dict({**alike, **_row(columns, 0)})
    vectors = [decode_thresholds(row) for row in columns["thresholds"]]
    refuse_nan_thresholds([threshold for vector in vectors for threshold in vector])
    return {len(vector) + 1 for vector in vectors}


def _row(columns: Mapping[str, Any], row: int) -> dict[str, Any]:
    return {name: column[row] for name, column in columns.items()}


def _owners(groups: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[int]]:
    """Return the group and the row of every policy.

    Raises:
        DataError: Positions are missing or given twice, or columns differ in length.
    """
    try:
        sizes = [_size(group) for group in groups]
        owner, row = [-1] * sum(sizes), [-1] * sum(sizes)
        for number, (group, size) in enumerate(zip(groups, sizes, strict=True)):
            for i, position in zip(range(size), group.get("at", range(size)), strict=True):
                owner[position], row[position] = number, i
        if -1 in owner:
            raise ValueError("the positions of its groups do not add up")
        return owner, row
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"Not the policies of an operating curve: {error!r:.200}.") from error


def _size(group: Mapping[str, Any]) -> int:
    if not isinstance(group["alike"], dict):
        raise ValueError("what is alike in a group must be fields by name")
    (size,) = {len(column) for column in group["columns"].values()}
    if not size:
        raise ValueError("a group of none")
    return size
