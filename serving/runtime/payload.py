"""A request's values, before anything is known about the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.runtime.body import check_untyped
from serving.runtime.problem import bad_request, few, kind_of


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as rows; `names` are the client's column names, if it sent some."""

    rows: Sequence[object]
    names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """A table as objects with the same keys, or objects that are the values themselves."""

    records: Sequence[dict[str, object]]

    def columns(self) -> dict[str, list[object]]:
        """Return the records as columns.

        Raises:
            ProblemError: 400, a record has other keys than the first one.
        """
        first = self.records[0]
        for index, record in enumerate(self.records):
            if record.keys() != first.keys():
                lacks = [name for name in first if name not in record]
                adds = [name for name in record if name not in first]
                raise bad_request(
                    "expected the same keys in every record; compared with record 0, "
                    f"record {index} lacks {few(lacks)} and adds {few(adds)}"
                )
        return {name: [record[name] for record in self.records] for name in first}


@dataclass(frozen=True, slots=True)
class Named:
    """A table as named columns, or named arrays."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tensors:
    """V2 tensors: named columns, named arrays, or one that is a whole table."""

    values: Mapping[str, list[object]]


def parameters(found: object, label: str) -> Mapping[str, object] | None:
    """Check that the parameters of a call, where there are some, are an object.

    Raises:
        ProblemError: 400, they are not, or an infinity is in them.
    """
    if found is None:
        return None
    if not isinstance(found, dict):
        raise bad_request(f"{label}: expected an object, found {kind_of(found)}")
    check_untyped(found, label)
    return found


Payload = Rows | Records | Named | Tensors
