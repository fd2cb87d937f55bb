"""The guards find what must never be committed, and leave the rest alone."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[3] / ".ci" / "guards.py"


@pytest.fixture
def guards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The guards, looking at files below `tmp_path`."""
    spec = importlib.util.spec_from_file_location("guards", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def written(folder: Path, **sources: str) -> list[Path]:
    """Writes modules named with `__` for a dot; returns their paths relative to `folder`."""
    files = []
    for name, source in sources.items():
        file = Path(name.replace("__", "/") + ".py")
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(source)
        files.append(file)
    return files


# In pieces: this file has to pass the guards itself.
@pytest.mark.parametrize(
    ("text", "objection"),
    [
        ("if x:\u202e pass", "bidirectional control character"),
        ("key = 'AKIA" + "ABCDEFGHIJKLMNOP'", "looks like a secret"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEowIBAAKCAQEAx0dd", "looks like a secret"),
        ("--index-url https://py" + "pi.org/simple", "names a package registry"),
        ("open('/ro" + "ot/notes')", "names a path of one machine"),
    ],
)
def test_what_must_not_be_committed_is_found_with_its_line(
    guards: ModuleType, tmp_path: Path, text: str, objection: str
) -> None:
    files = written(tmp_path, module=f"first = 1\n{text}\n")

    (finding,) = guards.text_findings(files)

    assert finding.startswith("module.py:2: ")
    assert objection in finding


@pytest.mark.parametrize(
    "text", ["path = '$HOME/wo" + "rk/x'", "-----BEGIN PUBLIC KEY-----", "'right-to-left: \\u202e'", "see example.org"]
)
def test_harmless_text_passes(guards: ModuleType, tmp_path: Path, text: str) -> None:
    assert list(guards.text_findings(written(tmp_path, module=text))) == []


def test_binary_files_are_not_read_as_text(guards: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xfeAKIA" + b"ABCDEFGHIJKLMNOP")

    assert list(guards.text_findings([Path("image")])) == []


@pytest.mark.parametrize("importing", ["import {}", "from {} import name", "from pkg import {1}", "from . import {1}"])
def test_a_cycle_of_imports_is_found_however_it_is_spelled(guards: ModuleType, tmp_path: Path, importing: str) -> None:
    files = written(
        tmp_path,
        pkg____init__="",
        pkg__a=importing.format("pkg.b", "b"),
        pkg__b=importing.format("pkg.a", "a"),
    )

    (finding,) = guards.cycle_findings(guards.import_graph(files))

    assert "pkg.a" in finding
    assert "pkg.b" in finding


@pytest.mark.parametrize(
    "back", ["def f():\n    import pkg.a", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pkg.a"]
)
def test_imports_inside_a_function_or_for_types_only_close_no_cycle(
    guards: ModuleType, tmp_path: Path, back: str
) -> None:
    files = written(tmp_path, pkg____init__="", pkg__a="import pkg.b", pkg__b=back)

    assert list(guards.cycle_findings(guards.import_graph(files))) == []
