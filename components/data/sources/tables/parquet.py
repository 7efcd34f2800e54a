"""Read Parquet files row by row, in bounded memory. Class numbers become the names in Hugging Face's schema."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.sources.tables.class_names import UnknownClassError, features_of, first_names, translator
from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed
from components.data.sources.tables.text_files import refuse_other_contents
from components.errors import CeterisError

_BATCH_ROWS = 256


def column_names(file: ManifestFile) -> list[str]:
    """The columns of the schema.

    Raises:
        CeterisError: the file cannot be read as Parquet.
    """
    with _opened(file) as table:
        return list(table.schema_arrow.names)


def row_count(file: ManifestFile) -> int:
    """The number of rows.

    Raises:
        CeterisError: the file cannot be read as Parquet.
    """
    with _opened(file) as table:
        return int(table.metadata.num_rows)


def rows(file: ManifestFile, columns: Sequence[str]) -> Iterator[Row | Fault]:
    """The rows in order, with the given columns only.

    Raises:
        CeterisError: the file cannot be read as Parquet.
    """
    with _opened(file) as table:
        features = features_of(table.schema_arrow.metadata)
        named = {name: found for name in columns if (found := translator(features.get(name)))}
        place = 0
        try:
            for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns)):
                for values in batch.to_pylist():
                    place += 1
                    try:
                        for name, translate in named.items():
                            values[name] = translate(values[name])
                    except UnknownClassError as error:
                        problem = f"has a class number in {name!r} that has no name in the file's schema"
                        yield Fault(file.name, place, "class", problem, "correct it or remove the row", str(error))
                        continue
                    yield Row(file.name, place, values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            yield malformed(file, place + 1, f"cannot be read, nor what follows it ({_first_line(error)})")


def class_names(file: ManifestFile) -> dict[str, list[str]]:
    """The columns whose numbers become class names, with the names in order.

    Raises:
        CeterisError: the file cannot be read as Parquet.
    """
    with _opened(file) as table:
        features = features_of(table.schema_arrow.metadata)
        found = {name: first_names(features.get(name)) for name in table.schema_arrow.names}
    return {name: names for name, names in found.items() if names}


def _opened(file: ManifestFile) -> pq.ParquetFile:
    refuse_other_contents(file, text=False)
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise CeterisError(
            f"{file.name} cannot be read as Parquet ({_first_line(error)}): write or copy it again."
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
