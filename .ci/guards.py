"""What must never be committed. Prints one line per finding; exit status 1 when there is one.

Guards: bidirectional control characters, secrets, addresses of package registries and paths of a developer's machine,
cyclic imports between our modules.
"""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST_TEXT = 4 * 1024 * 1024

# Unicode TR36: characters that show source code in another order than it runs.
BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SECRETS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[0-9A-Za-z_-]{35}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{20,}"
    r"|\bGOCSPX-[A-Za-z0-9_-]{20,}"
    r"|\bpypi-AgEI[A-Za-z0-9_-]{20,}"
)
# Spelled in pieces, so that this file passes its own guard.
_HOSTS = ("py" + "pi.org", "pythonhosted" + ".org", "registry.npm" + "js.org", "deb.deb" + "ian.org")
_MACHINE = "|".join(("/wo" + "rk/", "/ro" + "ot/", "/tmp/" + "w/"))
REGISTRIES = re.compile("|".join(re.escape(host) for host in _HOSTS))
MACHINE_PATHS = re.compile(rf"(?<![\w.$)}}\]])(?:{_MACHINE})")

TEXT_GUARDS = (
    (BIDIRECTIONAL, "bidirectional control character; write it as an escape"),
    (SECRETS, "looks like a secret"),
    (REGISTRIES, "names a package registry"),
    (MACHINE_PATHS, "names a path of one machine"),
)


def committed() -> list[Path]:
    """Files that git tracks or would add, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


def text_findings(files: list[Path]) -> Iterator[str]:
    """Lines that a text guard objects to."""
    for file in files:
        data = (ROOT / file).read_bytes()[:LARGEST_TEXT]
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        for pattern, objection in TEXT_GUARDS:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{file}:{line}: {objection}"


def import_graph(files: list[Path]) -> dict[str, set[str]]:
    """For each of our modules, the modules of ours that it imports when it is loaded."""
    modules = {_module_name(file): file for file in files if file.suffix == ".py" and file.parts[0] != ".ci"}
    graph: dict[str, set[str]] = {}
    for name, file in modules.items():
        tree = ast.parse((ROOT / file).read_bytes(), filename=str(file))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        imported = {found for target in _loaded(tree, package) if (found := _nearest(target, modules))}
        graph[name] = imported - {name}
    return graph


def cycle_findings(graph: dict[str, set[str]]) -> Iterator[str]:
    """One cycle of imports, if there is any."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield "cyclic import: " + " <- ".join(error.args[1])


def _module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _loaded(tree: ast.Module, package: str) -> Iterator[str]:
    """Names imported at module level; a function's own imports and those for types only cannot close a cycle."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Try):
            pending += [*node.body, *node.orelse, *node.finalbody]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            pending += [*node.body, *node.orelse]
        elif isinstance(node, ast.With):
            pending += node.body


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *filter(None, [node.module])])


def _nearest(target: str, modules: dict[str, Path]) -> str:
    """`target` may name something inside a module: the module is what gets loaded."""
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return target


def main() -> int:
    files = committed()
    findings = [*text_findings(files), *cycle_findings(import_graph(files))]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
