from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

from omegaconf import OmegaConf

from churn_torch.cli import commands

FOLDER = "TORCHINDUCTOR_CACHE_DIR"


def test_the_folder_of_the_compiler_of_torch_is_the_users_own(monkeypatch, tmp_path):
    seen, modes = [], []

    def evaluate(config):
        seen.append(os.environ.get(FOLDER))
        if seen[-1] == str(own):
            modes.append(stat.S_IMODE(own.stat().st_mode))
            if config:
                compiled.touch()

    workflow = SimpleNamespace(evaluate=evaluate)
    monkeypatch.setattr(commands, "import_module", lambda name: workflow)
    own, chosen = tmp_path / "cache" / "torchinductor", "of the user's choice"
    compiled = own / "kernel"
    for cache, before in ((tmp_path / "cache", None), ("/proc/none", None), ("/", chosen)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        monkeypatch.setenv(FOLDER, before or "")
        if before is None:
            monkeypatch.delenv(FOLDER)
        commands.run_workflow("evaluate", OmegaConf.create(), tmp_path, Path)
    assert seen == [str(own), None, chosen]
    assert modes == [stat.S_IRWXU]
    assert not own.exists()  # nothing was compiled
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(FOLDER)
    commands.run_workflow("evaluate", OmegaConf.create({"compile": True}), tmp_path, Path)
    assert compiled.exists()
