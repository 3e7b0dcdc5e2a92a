"""The proposal's file holds what won, with its figure, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

from multirecall.training.tuning.deciding import Verdict
from multirecall.training.tuning.proposal import Change, proposal

REWRITE = Change(arm="rewrite", settings={"MULTIRECALL_FUSION": "weighted_sum?rewrite=2", "MULTIRECALL_ROUTES": "a,b"})
ENCODER = Change(arm="encoder", settings={"MULTIRECALL_ENCODER": "static:/my shop"}, command="multirecall rebuild")
BLENDER = Change(arm="blender", settings={"MULTIRECALL_FUSION": "blender:/b"})


def verdicts(**proposed: bool) -> list[Verdict]:
    return [Verdict(arm=arm, proposed=won, why=f"{arm} +0.1") for arm, won in proposed.items()]


def test_only_what_won_is_in_it_with_its_figure() -> None:
    found = proposal([REWRITE, BLENDER], verdicts(rewrite=True, blender=False), evidence="60 queries")
    assert found.settings == REWRITE.settings
    assert "# rewrite: rewrite +0.1\nMULTIRECALL_FUSION='weighted_sum?rewrite=2'" in found.text
    assert "blender:" not in found.text
    assert "# blender is not proposed: blender +0.1." in found.text


def test_later_changes_stand_on_earlier_ones() -> None:
    found = proposal([REWRITE, BLENDER], verdicts(rewrite=True, blender=True), evidence="")
    assert found.settings == {"MULTIRECALL_FUSION": "blender:/b", "MULTIRECALL_ROUTES": "a,b"}


def test_an_encoder_comes_with_the_command_that_makes_its_index() -> None:
    found = proposal([ENCODER, BLENDER], verdicts(encoder=True, blender=True), evidence="")
    assert found.commands == ("multirecall rebuild",)
    assert any("run tune again" in note for note in found.notes)


def test_nothing_won_says_so() -> None:
    found = proposal([REWRITE], verdicts(rewrite=False), evidence="")
    assert (found.settings, found.arms) == ({}, ())
    assert "Nothing won" in found.text


def test_a_shell_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(proposal([ENCODER, REWRITE], verdicts(encoder=True, rewrite=True), evidence="x").text)
    script = '. ./env; printf "%s|%s" "$MULTIRECALL_ENCODER" "$MULTIRECALL_FUSION"'
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "static:/my shop|weighted_sum?rewrite=2"
