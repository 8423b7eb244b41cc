"""Tables as files: what is read back is what was written."""

from pathlib import Path

import pandas as pd
import pytest

from hfkit.report.tables import write_table


@pytest.mark.parametrize("text", ["a\rb", "a\nb", 'a"b', "a,b", " a "])
def test_a_text_is_one_cell(text: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"text": [text, "plain"], "confidence": [0.25, None], "row": [7, 8]})
    write_table(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv"), table)
