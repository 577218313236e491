"""Demand tables as retailers keep them, and files that are none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edge.simulator.demand import ONLY_SITE, Sale, read_demand
from shared.errors import QuartermasterError


def _file(folder: Path, text: str, name: str = "demand.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "header",
    [
        "site,item,date,units",
        "store_id,upc_id,week_end_date,units",
        "Store-Num;UPC;Week End Date;Sales",
        "warehouse\tsku\tds\tqty",
        "\ufeffstore_nbr,item_nbr,date,unit_sales",
    ],
)
def test_usual_column_names_and_separators_are_understood(tmp_path: Path, header: str) -> None:
    row = header.replace(header, "S1,A-1,2024-03-02,4")
    for separator in ";\t":
        if separator in header:
            row = row.replace(",", separator)

    table = read_demand(_file(tmp_path, f"{header}\n{row}\n"))

    assert table.sales == [Sale(date(2024, 3, 2), "S1", "A-1", 4)]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = _file(tmp_path, "wo,was,wann,wieviel\nBER,17,20240302,3\n")

    table = read_demand(
        path, columns={"site": "wo", "item": "was", "date": "wann", "units": "wieviel"}
    )

    assert table.sales == [Sale(date(2024, 3, 2), "BER", "17", 3)]


def test_sales_come_in_order_of_time_and_zeros_are_left_out(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "site,item,date,units\nS1,B,2024-02-01,1\nS1,A,2024-01-01,0\nS1,A,2024-01-02,-2\n",
    )

    table = read_demand(path)

    assert [(sale.item, sale.units) for sale in table.sales] == [("A", -2), ("B", 1)]
    assert table.rows == 3


def test_fractions_are_rounded_and_counted(tmp_path: Path) -> None:
    table = read_demand(_file(tmp_path, "item,date,units\nA,2024-01-01,2.6\nA,2024-01-02,3.0\n"))

    assert [sale.units for sale in table.sales] == [3, 3]
    assert table.rounded == 1


def test_numbered_periods_are_laid_on_a_calendar(tmp_path: Path) -> None:
    table = read_demand(_file(tmp_path, "item,week,qty\nA,0,1\nA,2,1\n"))

    assert (table.sales[1].day - table.sales[0].day).days == 14


def test_a_table_without_sites_is_dealt_out_item_by_item(tmp_path: Path) -> None:
    path = _file(tmp_path, "item,date,units\n" + "".join(f"I{n},2024-01-01,1\n" for n in range(6)))
    table = read_demand(path)
    assert table.sites == [ONLY_SITE]

    dealt = table.of_sites(3)

    assert sorted(dealt.sites) == ["SITE-1", "SITE-2", "SITE-3"]
    assert len(dealt.sales) == 6


def test_the_busiest_sites_are_kept(tmp_path: Path) -> None:
    rows = "".join(f"{site},A,2024-01-0{n},1\n" for site, days in (("S1", 1), ("S2", 3), ("S3", 2))
                   for n in range(1, days + 1))  # fmt: skip

    table = read_demand(_file(tmp_path, f"site,item,date,units\n{rows}")).of_sites(2)

    assert table.sites == ["S2", "S3"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        ("just one line of prose\n", "header"),
        ("item,date\nA,2024-01-01\n", "header"),
        ("site,item,colour,units\nS1,A,red,1\n", "no column for date"),
        ("item,date,units\n", "no row"),
        ("item,date,units\nA,2024-01-01,0\n", "no row"),
    ],
)
def test_a_file_that_is_no_demand_table_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(QuartermasterError, match=says) as refusal:
        read_demand(_file(tmp_path, text))

    assert refusal.value.code == "demand.file"


def test_broken_rows_are_named_together_and_refused(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "item,date,units\nA,2024-01-01,1\n,2024-01-01,1\nA,31.12.2024,1\nA,2024-01-01,many\n"
        "A,2024-01-01\nA,2024-01-01,1e300\nA,2024-01-01,nan\n",
    )

    with pytest.raises(QuartermasterError) as refusal:
        read_demand(path)

    assert refusal.value.code == "demand.row"
    assert "6 of 7" in refusal.value.detail
    assert "row 2" in refusal.value.detail
    assert "'31.12.2024' is no ISO date" in refusal.value.detail
    kept = read_demand(path, skip_broken=True)
    assert (len(kept.sales), kept.skipped) == (1, 6)


def test_an_unknown_part_or_column_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "item,date,units\nA,2024-01-01,1\n")

    for columns in ({"colour": "item"}, {"site": "nowhere"}):
        with pytest.raises(QuartermasterError) as refusal:
            read_demand(path, columns=columns)
        assert refusal.value.code == "demand.file"


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 but no parquet")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")

    for path in (tmp_path / "absent.csv", broken, binary):
        with pytest.raises(QuartermasterError) as refusal:
            read_demand(path)
        assert refusal.value.code == "file.unreadable"


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "weekly.parquet"
    columns = {"store_id": [1, 2], "upc_id": [7, 8], "week_end_date": [date(2024, 1, 1)] * 2,
               "units": [2.0, 3.0], "price": [1.0, 1.0]}  # fmt: skip
    parquet.write_table(pa.table(columns), path)

    assert read_demand(path).sales == [
        Sale(date(2024, 1, 1), "1", "7", 2),
        Sale(date(2024, 1, 1), "2", "8", 3),
    ]


def test_a_missing_parquet_reader_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, "PAR1", "weekly.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)

    with pytest.raises(QuartermasterError, match="pyarrow") as refusal:
        read_demand(path)

    assert refusal.value.code == "demand.file"
