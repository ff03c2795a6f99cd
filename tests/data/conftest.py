"""Every test here has its own empty cache folder and data root."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("yuanli.data.storage.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("YUANLI_DATA", raising=False)
