"""What a user is told when something is wrong: every text can be translated, and is told in the project's language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fivestep import cli, language
from fivestep.errors import UserError

LIBRARY = Path(cli.__file__).parent
ERRORS = {"UserError", "NotebookFailedError", "NotYetError"}
MARKS = {"_", "ngettext"}


def in_english(node: ast.AST | None, known: dict[str, list[ast.expr]]) -> bool:
    """Whether words of the text that *node* makes are not translated, or hidden from what collects the messages."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(c.isalpha() for c in node.value)
    if isinstance(node, ast.JoinedStr):  # a message within an f-string is not collected before Python 3.12
        inner = (n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in MARKS)
        return any(in_english(part, known) for part in node.values) or any(inner)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in MARKS:
            return any(isinstance(part, ast.JoinedStr | ast.BinOp) for part in node.args)
        told = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        inside = [] if isinstance(node.func, ast.Attribute) and node.func.attr == "format" else node.args
        return any(in_english(part, known) for part in (*told, *inside))
    if isinstance(node, ast.Name):
        return any(in_english(value, {**known, node.id: []}) for value in known.get(node.id, ()))
    parts = {ast.IfExp: ("body", "orelse"), ast.BinOp: ("left", "right"), ast.Starred: ("value",), ast.GeneratorExp: ("elt",)}
    several = [*getattr(node, "elts", ()), *(getattr(node, "values", ()) if isinstance(node, ast.BoolOp) else ())]
    return any(in_english(part, known) for part in (*several, *(getattr(node, p) for p in parts.get(type(node), ()))))


def english_errors(source: str) -> list[int]:
    """The lines on which an error is made whose text is not translated."""
    found = set()
    tree = ast.parse(source)
    for scope in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)] or [tree]:
        known: dict[str, list[ast.expr]] = {}
        for n in ast.walk(scope):
            if isinstance(n, ast.Assign) and len(n.targets) == 1 and isinstance(n.targets[0], ast.Name):
                known.setdefault(n.targets[0].id, []).append(n.value)
        made = (n for n in ast.walk(scope) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in ERRORS)
        found |= {n.lineno for n in made if any(in_english(part, known) for part in n.args)}
    return sorted(found)


def test_the_text_of_every_error_can_be_translated():
    sources = {p.relative_to(LIBRARY).as_posix(): p.read_text(encoding="utf-8") for p in sorted(LIBRARY.rglob("*.py"))}
    told = {name: source for name, source in sources.items() if "UserError(" in source or "NotYetError(" in source}
    assert len(told) > 50
    assert {name: lines for name, source in told.items() if (lines := english_errors(source))} == {}


@pytest.mark.parametrize(
    ("source", "english"),
    [
        ("raise UserError(f'{x}: mend it.')", True),
        ("raise UserError('Mend it.')", True),
        ("raise UserError(f'{_(\"Mend it.\")}')", True),
        ("raise UserError(_(f'{x}: mend it.'))", True),
        ("raise UserError(_('Mend it.') + ' Then run again.')", True),
        ("def f(x):\n    said = f'{x}: mend it.'\n    raise UserError(said) from None", True),
        ("raise UserError(_('{x}: mend it.').format(x=f'reports/{x}'))", False),
        ("raise UserError('\\n'.join([_('Mend it.'), *lines]))", False),
        ("def f(x):\n    said = _('{x}: mend it.')\n    raise UserError(said.format(x=x))", False),
    ],
)
def test_an_english_text_is_noticed(source, english):
    assert bool(english_errors(source)) is english


@pytest.fixture
def project(tmp_path):
    (tmp_path / "engagement.yml").write_text("name: 会员分析\nclient: 测试\nlanguage: zh_CN\n", encoding="utf-8")
    return tmp_path


def told(monkeypatch, capsys, *arguments: str) -> str:
    """What the command says before it ends with the exit code of what a user can mend."""
    monkeypatch.setattr("sys.argv", ["fivestep", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run --only 2 --from 3", "--only 和 --from 不能同时使用：请选其一。"),
        ("run --only two", "--only 'two'：请写 Notebook 的编号"),
        ("run", "data/contract/ 中没有数据快照"),
        ("render nothing", "reports/nothing：没有这次运行。现有的运行：尚无。"),
        ("status", "没有 kit.lock.json。请在项目文件夹中运行"),
        ("access", "本项目尚未导入客户的任何文件"),
        ("import", "尚无 mapping.yml"),
        ("map", "data/raw/ 中没有文件"),
    ],
)
def test_a_wrong_command_is_told_in_the_language_of_the_project(project, monkeypatch, capsys, arguments, said):
    assert said in told(monkeypatch, capsys, *arguments.split(), "--project", str(project))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: A\nclient: B\ncolour: red\nlanguage: zh_CN\n", "colour: 不允许有此键（所写为 'red'）。可用的键有 name, client,"),
        (b"name: A\nclient: B\nsource: 2024\nlanguage: 'zh_CN'\n", "source: 应为文本（所写为 2024）。请加上引号。"),
        (b"name: A\nclient: B\ncurrency: Yuan\nlanguage: zh_CN\n", "currency: 请使用 ISO 4217 代码"),
        (b"name: A\nname: B\nlanguage: zh_CN\n", "engagement.yml 无法读取：第 2 行第 1 列："),
        ("name: 会员\nlanguage: zh_CN\n".encode("gb18030"), "engagement.yml 无法读取：不是 UTF-8 文本。请保存为 UTF-8。"),
        ("name: 会员\nlanguage: zh_CN\n".encode("utf-16"), "engagement.yml 无法读取：不是 UTF-8 文本。"),
        ("name: A\nclient: B\nlanguage：zh_CN\n".encode(), "engagement.yml 无法读取：第 "),
        (b"name: A\nclient: B\nlanguage: zh-tw\n", "language: 請從 en, zh_CN, zh_TW 中選一個"),
        (b"name: A\nclient: B\nlanguage: zh\n", "language: 请从 en, zh_CN, zh_TW 中选一个"),
        (b"name: A\nclient: B\nlanguage: German\n", "language: choose one of en, zh_CN, zh_TW (it says 'German')."),
        (b"name: A\nclient: B\nlanguage:\ncolour: red\n", "colour: There is no such key (it says 'red')."),
    ],
)
def test_settings_that_cannot_be_used_are_told_in_the_language_that_they_name(tmp_path, monkeypatch, capsys, content, said):
    (tmp_path / "engagement.yml").write_bytes(content)
    assert said in told(monkeypatch, capsys, "run", "--project", str(tmp_path))


def test_a_notebook_tells_it_in_the_language_of_the_project(project):
    from fivestep.engagement import Engagement

    with pytest.raises(UserError, match=r"^data/contract/ 中没有数据快照"):
        Engagement(project, "1_profiling")
    assert language.current() == "zh_CN"
