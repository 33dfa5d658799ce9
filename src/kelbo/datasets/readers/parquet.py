"""Tables in files of Apache Parquet."""

from pathlib import Path

from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.typed import read_columns
from kelbo.datasets.reading import Reading
from kelbo.errors import InputError

_ANY = Reading()


def read_parquet(path: Path, reading: Reading = _ANY) -> RawArrays:
    """Read a table of numbers from a Parquet file; pyarrow must be installed.

    Args:
        path: The file.
        reading: How it is to be read; `header` says nothing here.

    Returns:
        As `read_csv`.

    Raises:
        InputError: pyarrow is not there, the file is missing or damaged, a column that is neither
            labels nor left out holds no numbers, or values are missing.

    Example:
        >>> import pathlib, tempfile
        >>> import pyarrow as pa, pyarrow.parquet  # doctest: +SKIP
        >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
        ...     path = pathlib.Path(folder, "t.parquet")
        ...     pyarrow.parquet.write_table(pa.table({"a": [1.0, 2.0], "b": [3, 4]}), path)
        ...     read_parquet(path).feature_names
        ('a', 'b')
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{path}: reading Parquet needs pyarrow; pip install 'kelbo[parquet]'"
        ) from None
    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path}: is damaged or no Parquet file ({detail:.200})") from error
    # pandas names an index that has no name.
    names = ["" if n.startswith("__index_level_") else n for n in table.column_names]
    values = [column.to_pylist() for column in table.columns]
    return read_columns(list(zip(names, values, strict=True)), path, reading)
