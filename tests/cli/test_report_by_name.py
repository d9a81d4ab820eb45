"""`harness report` and `harness trials` take a dataset's name, as `harness predict` does."""

from __future__ import annotations


def test_a_datasets_name_means_its_newest_sweep(first_day, command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = str(first_day.folder / "mlruns")
    by_name, by_id = command("trials", "my", "--store", store), command("trials", first_day.sweep_id, "--store", store)
    assert by_name.code == 0
    assert by_name.out == by_id.out
    assert command("report", "my", "--store", store).code == 0
    refused = command("trials", "mine", "--store", store)
    assert refused.code == 2
    assert "unknown sweep 'mine'" in refused.err
