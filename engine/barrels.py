"""The ledger: cumulated volume over time with its uncertainty, against the cap.

Volume comes from loads. Where no load was determined there is no volume: the ledger then holds the days and
nothing else, which says "could not tell" and not "none".
"""

import pandas as pd

from berthwatch.tables import LEDGER_COLUMNS, as_table


def ledger(visits: pd.DataFrame, first: pd.Timestamp | None, last: pd.Timestamp | None) -> pd.DataFrame:
    """The ledger's days from the first to the last look, with the columns of `ledger.csv`.

    Parameters
    ----------
    visits : DataFrame
        As `infer` gives it. Visits whose barrels are missing move nothing that can be stated.
    first, last : Timestamp or None
        Times of the first and last scene; None when there are none.

    Raises
    ------
    ValueError
        Some visit states barrels: their distribution over draws is needed to sum them with bounds.

    >>> from berthwatch.tables import VISIT_COLUMNS
    >>> days = ledger(as_table([], VISIT_COLUMNS), pd.Timestamp("2024-03-07"), pd.Timestamp("2024-03-09"))
    >>> days.date.tolist(), bool(days.seen.isna().all())
    (['2024-03-07', '2024-03-08', '2024-03-09'], True)
    """
    if visits["barrels"].notna().any():
        raise ValueError("visits with barrels cannot be summed without the draws that gave their bounds")
    if first is None or last is None:
        return as_table([], LEDGER_COLUMNS)
    days = pd.date_range(first.normalize(), last.normalize(), freq="D")
    return as_table([{"date": f"{day:%Y-%m-%d}"} for day in days], LEDGER_COLUMNS)
