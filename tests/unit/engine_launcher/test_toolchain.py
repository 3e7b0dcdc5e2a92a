"""Where the JDK, Maven and redis-server are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.engine.errors import EngineToolsMissing
from multirecall.engine.toolchain import find_jdk, find_maven, find_redis_server


def jdk(home: Path, version: str, *, compiler: bool = True) -> Path:
    (home / "bin").mkdir(parents=True)
    for program in ("java", "javac") if compiler else ("java",):
        (home / "bin" / program).write_text("#!/bin/sh\n")
        (home / "bin" / program).chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


def test_find_jdk_when_java_home_is_new_enough_then_it_wins(tmp_path: Path) -> None:
    chosen = jdk(tmp_path / "mine", "21.0.4")
    jdk(tmp_path / "jvm" / "newer", "25")
    found = find_jdk({"JAVA_HOME": str(chosen)}, (f"{tmp_path}/jvm/*",))
    assert (found.home, found.major) == (chosen, 21)
    assert found.program("javac") == str(chosen / "bin" / "javac")


def test_find_jdk_when_java_home_is_too_old_then_the_newest_on_disk(tmp_path: Path) -> None:
    old = jdk(tmp_path / "old", "17.0.15")
    jdk(tmp_path / "jvm" / "a", "21.0.1")
    jdk(tmp_path / "jvm" / "b", "25.0.1")
    jdk(tmp_path / "jvm" / "c", "1.8.0_402")
    assert find_jdk({"JAVA_HOME": str(old)}, (f"{tmp_path}/jvm/*",)).home == tmp_path / "jvm" / "b"


def test_find_jdk_when_only_on_path_then_found_behind_the_link(tmp_path: Path) -> None:
    home = jdk(tmp_path / "opt" / "jdk", "22")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert find_jdk({"PATH": str(tmp_path / "bin")}, ()).home == home


@pytest.mark.parametrize("broken", ["no compiler", "no release file", "no version", "empty"])
def test_find_jdk_when_a_folder_is_no_jdk_then_passed_over(tmp_path: Path, broken: str) -> None:
    home = jdk(tmp_path / "jvm" / "broken", "25", compiler=broken != "no compiler")
    if broken == "no release file":
        (home / "release").unlink()
    if broken == "no version":
        (home / "release").write_text("IMPLEMENTOR=x\n")
    if broken == "empty":
        (home / "release").write_text("")
    with pytest.raises(EngineToolsMissing):
        find_jdk({"PATH": ""}, (f"{tmp_path}/jvm/*",))


def test_find_jdk_when_none_then_says_what_was_found_and_what_to_install(tmp_path: Path) -> None:
    jdk(tmp_path / "jvm" / "old", "17.0.15")
    with pytest.raises(EngineToolsMissing) as caught:
        find_jdk({"PATH": ""}, (f"{tmp_path}/jvm/*",))
    assert "found only 17" in str(caught.value)
    assert "apt-get install openjdk-21" in caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.data["tool"] == "jdk"


@pytest.mark.parametrize(("find", "name"), [(find_maven, "maven"), (find_redis_server, "redis")])
def test_find_program_when_absent_then_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, find: object, name: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineToolsMissing, match=f"apt-get install {name}"):
        find()  # type: ignore[operator]
