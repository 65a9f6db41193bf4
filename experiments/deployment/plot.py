"""Draw results.csv: mean milliseconds of an image, measured and predicted.

python experiments/deployment/plot.py
"""

from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
from matplotlib import pyplot as plt

FOLDER = Path(__file__).parent


def main() -> None:
    """Write bench.png."""
    table = pd.read_csv(FOLDER / "results.csv").iloc[::-1]
    figure, axes = plt.subplots(figsize=(7, 2.4), layout="constrained")
    axes.barh(table["network"], table["mean_ms"], color="#2457c5", height=0.55)
    axes.plot(
        table["predicted_ms"], table["network"], "|", color="#e8743b", markersize=22, markeredgewidth=2.5
    )
    axes.set_xlabel("mean milliseconds per image; line: predicted")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(FOLDER / "bench.png", dpi=150)


if __name__ == "__main__":
    main()
