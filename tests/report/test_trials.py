from __future__ import annotations

from rich.console import Console

from churn_torch.report.trials import importance_table, trials_table, values_text

ROW = {"epochs": 3, "seconds": 1.25, "note": "", "optimizer.lr": 0.0012345, "model.residual": True}


def rendered(table) -> list[str]:
    console = Console(width=110, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def test_running_first_then_the_best_then_the_rest():
    rows = [
        {**ROW, "trial": 0, "state": "finished", "log_loss": 0.5, "note": "the configuration"},
        {**ROW, "trial": 1, "state": "failed", "log_loss": None, "note": "no [memory]"},
        {**ROW, "trial": 2, "state": "finished", "log_loss": 0.4},
        {**ROW, "trial": 3, "state": "pruned", "log_loss": 0.3},
        {**ROW, "trial": 4, "state": "running", "log_loss": 0.9, "epochs": None, "seconds": None},
    ]
    lines = rendered(trials_table(rows, at_most=5))
    shown = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert shown == ["4", "2", "0", "3", "1"]
    assert any(
        "failed: no [memory]" in line and "lr=0.00123 residual=true" in line for line in lines
    )
    assert "1 running, 2 finished, 1 pruned, 1 failed" in lines[-1]
    assert sum(line.startswith("│") for line in rendered(trials_table(rows, at_most=2))) == 2


def test_values_stand_as_on_the_command_line():
    row = {**ROW, "trial": 0, "state": "finished", "log_loss": 0.5, "gradient_clip": None}
    assert values_text(row) == "optimizer.lr=0.00123 model.residual=true gradient_clip=null"


def test_importance_is_in_percent():
    lines = rendered(importance_table({"optimizer.lr": 0.754, "model.width": 0.246}))
    assert any("optimizer.lr" in line and "75%" in line for line in lines)
