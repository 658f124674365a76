"""Files made into bars, and bars judged. Nothing here touches the store."""

from dataapi.ingest.csv_file import ParsedFile, ParseOptions, parse_csv
from dataapi.ingest.problems import IngestError, Problems, RowProblem

__all__ = ["IngestError", "ParseOptions", "ParsedFile", "Problems", "RowProblem", "parse_csv"]
