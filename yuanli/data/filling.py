"""Token numbers in rows of one length; 0 fills up the short ones.  Needs no scikit-learn; `tokens` does."""

import numpy as np


def trim(rows: np.ndarray, least: int = 1) -> np.ndarray:
    """Rows of token numbers without the columns at the end that hold nothing but filling; `least` stay."""
    used = np.flatnonzero(rows.any(0))
    length = max(least, used[-1] + 1 if len(used) else 0)
    return np.pad(rows[:, :length], ((0, 0), (0, max(0, length - rows.shape[1]))))
