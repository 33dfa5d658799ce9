"""How a person's files are to be read: what the files themselves do not say."""

from dataclasses import dataclass, fields, replace

from kelbo.datasets.context import LABELS, Context
from kelbo.errors import InputError

_HEADERS = ("auto", "yes", "no")
_MISSING = ("error", "drop")
_OF_TABLES = ("header", "label_column", "drop", "missing")
_OF_IMAGES = ("size",)


@dataclass(frozen=True)
class Reading:
    """How tables and folders of images are read.

    Attributes:
        header: Whether the first line of a text table names the columns: "yes", "no", or "auto",
            which goes by its cells.
        label_column: The column of a table that holds the labels: its name, or its number, from
            1, where no name is a number; None for none; "auto" for one named label, class, target
            or y that holds classes.
        drop: Columns of a table that are left out, named as the label column is.
        missing: What is done with the rows of a table that lack a value: "error" or "drop".
        size: (height, width) that all images of a folder are resized to; None to leave them.
        origin: What is subtracted from each column of a table, or of rows of numbers in an array,
            before values become float32; None to find where that is needed, () for nothing.
        context: What examples are conditioned on, and is no part of them: "labels"; columns of a
            table, named as the label column is; arrays of a .npz file.
        conditions: How a context becomes numbers, for a model that is fitted already; None to find
            it in the data.
        columns: The columns that are the examples, in this order, of a table with names; None for
            all that are left.
        strict: Whether an option that does not apply to the data is refused. Data for a model that
            is fitted already may lack its labels, or be of another kind.

    Raises:
        InputError: An unknown `header` or `missing`.

    Example:
        >>> Reading(drop=("id",), label_column="species").missing
        'error'
    """

    header: str = "auto"
    label_column: str | None = "auto"
    drop: tuple[str, ...] = ()
    missing: str = "error"
    size: tuple[int, int] | None = None
    origin: tuple[float, ...] | None = None
    context: tuple[str, ...] = ()
    conditions: Context | None = None
    columns: tuple[str, ...] | None = None
    strict: bool = True

    def __post_init__(self) -> None:
        for name, known in (("header", _HEADERS), ("missing", _MISSING)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}"
                )

    def for_other_data(
        self, columns: tuple[str, ...] | None, conditions: Context | None = None
    ) -> "Reading":
        """The same for other data of the same kind, whose examples are these columns.

        Args:
            columns: The columns; None where they have no names.
            conditions: How their context becomes numbers; None where they need have none.
        """
        changes = {"columns": columns, "origin": self.origin or (), "strict": False}
        if conditions is None:
            left = [name for name in self.context if name != LABELS]
            changes |= {"context": (), "drop": (*self.drop, *left)}
        return replace(self, conditions=conditions, **changes)

    def require_for(self, kind: str, where: str) -> None:
        """Refuses options that say nothing of such data.

        Args:
            kind: "table", "images" or "arrays".
            where: What to call the data in the error.

        Raises:
            InputError: An option was given that does not apply.
        """
        if not self.strict:
            return
        defaults = {field.name: field.default for field in fields(self)}
        for names, owner in ((_OF_TABLES, "table"), (_OF_IMAGES, "images")):
            given = [name for name in names if getattr(self, name) != defaults[name]]
            if given and kind != owner:
                what = "a table" if owner == "table" else "a folder of images"
                raise InputError(
                    f"{given[0]}: says how {what} is read, but {where} is none; leave it out"
                )
