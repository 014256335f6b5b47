from __future__ import annotations

from omegaconf import OmegaConf

from churn_torch.cli.sweep import SweepSummary


class JobReturn:
    def __init__(self, value: object) -> None:
        self._return_value = value


def hydra_config(job: int, mode: str = "MULTIRUN"):
    from hydra.types import RunMode

    return OmegaConf.create(
        {
            "hydra": {
                "mode": RunMode[mode],
                "job": {"num": job},
                "overrides": {"task": ["model=mlp", f"seed={job}"]},
                "runtime": {"output_dir": f"/sweep/{job}"},
                "sweep": {"dir": "unused"},
            }
        }
    )


def test_summary_takes_note_of_every_member():
    summary = SweepSummary()
    metrics = {"validation": {"log_loss": 0.4}, "test": {"auroc": 0.8, "intervals": {}}}
    summary.on_job_end(hydra_config(0), JobReturn({"status": "ok", "metrics": metrics}))
    summary.on_job_end(hydra_config(1), JobReturn({"status": "failed", "error": "the sentence"}))
    assert summary.rows == [
        {
            "job": 0, "overrides": "model=mlp seed=0", "status": "ok", "error": "",
            "folder": "/sweep/0", "validation_log_loss": 0.4, "test_auroc": 0.8,
        },
        {
            "job": 1, "overrides": "model=mlp seed=1", "status": "failed",
            "error": "the sentence", "folder": "/sweep/1",
        },
    ]  # fmt: skip


def test_summary_is_silent_outside_a_sweep():
    summary = SweepSummary()
    summary.on_job_end(hydra_config(0, "RUN"), JobReturn({"status": "ok"}))
    summary.on_multirun_end(hydra_config(0, "RUN"))
    assert summary.rows == []
