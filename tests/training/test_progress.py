"""In a terminal, bars and lines stand each on lines of their own."""

from pathlib import Path

import pytest
from terminal import run_in_terminal, show, torn_lines


def test_what_a_terminal_shows() -> None:
    bar = " 50%|#####     | 5/10 [00:01<00:01,  3.2it/s]"
    assert show("a\r\nb\x1b[1mc\x1b[0m\rB\n") == ["a", "Bc", ""]
    assert show(f"\r{bar}\r\x1b[Kdone\r\n{bar}\r\n\n\x1b[A\x1b[Atext") == ["done", f"text{bar[4:]}", "", ""]
    assert torn_lines([bar, f"Predicting: {bar}", "a 50% share, 5/10", "100%|##| 2/2 [00:00<00:00, ?it/s]"]) == []
    torn = [f"{bar}Epoch 1: train loss", f"Epoch 1: train loss{bar[8:]}"]
    assert torn_lines(torn) == torn


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        "--num_train_epochs 3 --batch_size 2",
        pytest.param("--unfreeze_from none", marks=pytest.mark.nightly),
        pytest.param("--unfreeze_from none --solver trainer --batch_size 2", marks=pytest.mark.nightly),
    ],
)
def test_bars_of_texts_tear_no_line(flags: str, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    argv = ["hfkit", "train", "text", "--backbone", str(tiny_backbone), "--dataset", str(tweets), "--max_length", "24"]
    argv += ["--use_cpu", "true", "--bf16", "false", "--output_dir", "run", *flags.split()]
    code, lines = run_in_terminal(argv, tmp_path)
    assert code == 0, "\n".join(lines)
    assert torn_lines(lines) == []
    if "batch" in flags:
        assert sum(line.startswith("Epoch ") and line.endswith(".") for line in lines) == 6
