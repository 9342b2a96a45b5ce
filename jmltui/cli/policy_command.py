"""`jmltui policy`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jmltui.domain.text import clean

from .context import Context
from .workshop import done, opened

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop
    from jmltui.policy import Policy
    from jmltui.policy.fixtures import Outcome

EXAMPLES: Final = """examples:
  jmltui policy lint                             check the policy in force, all problems at once
  jmltui policy test new-policy                  run the tests that stand in the folder
  jmltui policy test --record E1042              print a test recorded from a person, without their name
  jmltui policy diff new-policy                  who would gain and lose what, against the policy in force
  jmltui policy diff                             the same for the policy of the settings, before the worker has it
  jmltui policy accept --reason "CHG-4711"       let the worker take over a policy that it held
  jmltui policy diff old-policy new-policy       the same between two folders
  jmltui policy explain E1042 vpn                why somebody is due an entitlement, or is not
  jmltui policy schema policy.schema.json        a JSON Schema for editors
  jmltui policy import-current --output new.yaml propose roles from what people hold today

An editor completes and checks a policy file whose first line is
  # yaml-language-server: $schema=./policy.schema.json

lint ends with 2 when the policy cannot be loaded and with 1 when something in it can never work. test ends with 1 when
something else came than a test expects. diff ends with 3 when a guard would hold the change, else with 0.
"""

_OURS: Final = '"title": "jmltui policy"'


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    words = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    def word(name: str, summary: str) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        made.add_argument("--json", action="store_true", help="print JSON")
        made.add_argument("--home", metavar="FOLDER", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    another = "another folder (or file) than the settings name"
    lint = word("lint", "check the whole folder, all problems at once")
    lint.add_argument("folder", nargs="?", metavar="FOLDER", help=another)
    test = word("test", "run the tests that stand beside the policy, or record one")
    test.add_argument("folder", nargs="?", metavar="FOLDER", help=another)
    test.add_argument("--tests", action="append", default=[], metavar="PATH", help="further files or folders of tests")
    test.add_argument("--record", metavar="KEY", help="print a test recorded from this person instead")
    diff = word("diff", "tell who would gain and lose what by another policy, and whether a guard would hold that")
    which = "the new policy (else that of the settings); or the old one and the new one"
    diff.add_argument("folders", nargs="*", metavar="FOLDER", help=which)
    diff.add_argument("--people", action="store_true", help="name everybody for whom something changes")
    accept = word("accept", "let the worker take over the policy of the settings although a guard holds it")
    accept.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
    explain = word("explain", "tell why somebody is due an entitlement, or is not")
    from .explain_command import add_explained

    add_explained(explain)
    schema = word("schema", "write a JSON Schema of policy files, for editors")
    schema.add_argument("file", nargs="?", metavar="FILE", help="where to write it (else, and for -: standard output)")
    mined = word("import-current", "propose roles from what people hold today; nothing is applied")
    mined.add_argument("--output", metavar="FILE", help="a new file (else: standard output)")
    mined.add_argument("--support", type=int, default=5, metavar="N", help="a role has so many people at least (5)")
    mined.add_argument(
        "--share", type=float, default=90, metavar="PERCENT", help="so many of its people hold what it gives (90)"
    )
    mined.add_argument("--roles", type=int, default=500, metavar="N", help="the most roles to propose (500)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Do one of the things that can be done with a policy before it is in force."""
    if arguments.what == "explain":
        from .explain_command import explain

        return explain(context, arguments.person, arguments.entitlement, arguments.at)
    commands = {
        "lint": _lint,
        "test": _test,
        "diff": _diff,
        "accept": _accept,
        "schema": _schema,
        "import-current": _import_current,
    }
    return commands[arguments.what](arguments, context)


def _lint(arguments: argparse.Namespace, context: Context) -> int:
    """2 when it cannot be loaded, 1 when something in it can never work; each problem with its place."""
    from jmltui.config import settings
    from jmltui.errors import PolicyError
    from jmltui.policy.lint import lint

    systems = None
    if arguments.folder:
        folder = Path(arguments.folder)
    else:
        loaded = settings.load(context.places.settings_file)
        folder, systems = loaded.policy_folder, loaded.systems
    report = lint(folder, systems)
    if report.policy is None and not context.json:
        raise PolicyError(report.errors)
    found = {"errors": report.errors, "warnings": report.warnings}
    if report.policy is None:
        context.print_json({"hash": None, **{kind: [asdict(p) for p in problems] for kind, problems in found.items()}})
        return PolicyError.exit_code
    if not context.json:
        for kind, problems in found.items():
            for problem in problems:
                context.say(f"{kind[:-1]}: {clean(str(problem), limit=2000)}")
    policy = report.policy
    told = f"The policy is {'not good' if report.errors else 'good'}: "
    told += f"{len(policy.roles)} roles, {len(policy.entitlements)} entitlements."
    done(context, told, hash=policy.hash, **{kind: [asdict(p) for p in problems] for kind, problems in found.items()})
    return 1 if report.errors else 0


def _test(arguments: argparse.Namespace, context: Context) -> int:
    """Run the tests, or record one."""
    if arguments.record is not None:
        return _record(arguments, context)
    from jmltui.policy.fixture_reader import read_tests
    from jmltui.policy.fixtures import outcome

    folder = _folder(arguments.folder, context)
    policy = _policy(folder, context)
    fixtures = read_tests(policy, folder, *map(Path, arguments.tests))
    outcomes = [outcome(policy, fixture) for fixture in fixtures]
    failed = [each for each in outcomes if each.differences]
    for each in failed if not context.json else ():
        _print_failed(each, context)
    if not outcomes:
        told = "There is no test; `tests:` in a file of the folder holds them (docs/policy.md)."
    elif failed:
        told = f"{len(failed)} of {len(outcomes)} tests came out otherwise than expected."
    else:
        told = f"All {len(outcomes)} tests came out as expected."
    failures = [
        {"name": e.fixture.name, "place": e.fixture.place, "differences": e.differences, "why": _why(e)} for e in failed
    ]
    done(context, told, tests=len(outcomes), failed=failures)
    return 1 if failed else 0


def _print_failed(failed: Outcome, context: Context) -> None:
    context.say(clean(f"{failed.fixture.name}  ({failed.fixture.place})", limit=500))
    for difference in failed.differences:
        context.say(f"  {clean(difference, limit=2000)}")
    for line in _why(failed):
        context.say(f"    {line}")


def _why(failed: Outcome) -> list[str]:
    return [clean(line, limit=500) for tree in failed.why for line in tree.lines()]


def _record(arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.policy.fixtures import recorded

    from .explain_command import somebody

    with opened(context) as workshop:
        person, exceptions = somebody(workshop, arguments.record)
        policy = workshop.policy if arguments.folder is None else _policy(Path(arguments.folder), context)
        lines = recorded(policy, person, workshop.clock(), exceptions)
    if context.json:
        context.print_json({"test": lines})
    else:
        for line in lines:
            context.say(line)
    return 0


def _diff(arguments: argparse.Namespace, context: Context) -> int:
    """3 when a guard would hold it, else 0."""
    from jmltui.errors import UsageError
    from jmltui.lifecycle.policy_diff import compare_policies
    from jmltui.policy.compare import Comparison

    from .policy_diff_output import DiffOutput

    if len(arguments.folders) > 2:
        raise UsageError("Name the new policy, or the old one and the new one.")
    policies = [_policy(Path(folder), context) for folder in arguments.folders]
    with opened(context) as workshop:
        if len(policies) == 2:
            old, new = policies
        else:
            old, new = _in_force(workshop, context), policies[0] if policies else workshop.policy
        output = DiffOutput(Comparison(old, new), context)
        found = compare_policies(workshop, old, new, output.tell if arguments.people else None)
    output.finish(found)
    return 3 if found.held_by else 0


def _in_force(workshop: Workshop, context: Context) -> Policy:
    """The policy by which the worker works; that of the settings before it took one over."""
    from jmltui.errors import PolicyError
    from jmltui.lifecycle.policy_in_force import policy_in_force

    try:
        return policy_in_force(workshop) or workshop.policy
    except PolicyError:
        context.err.write("jmltui: The policy in force cannot be read any more; that of the settings stands for it.\n")
        return workshop.policy


def _accept(arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.lifecycle.policy_in_force import accept

    with opened(context) as workshop:
        found = accept(workshop, arguments.reason)
    told = (
        f"The policy {found.policy[:12]} is accepted; the worker takes it over in the place of {found.in_force[:12]}."
    )
    return done(context, told, policy=found.policy, in_force=found.in_force)


def _schema(arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.errors import UsageError
    from jmltui.policy.schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if arguments.file in (None, "-"):
        context.out.write(text)
        return 0
    file = Path(arguments.file)
    try:
        if file.exists() and _OURS not in file.read_text(encoding="utf-8", errors="replace")[:500]:
            message = f"{file} is there already and is no schema of ours; nothing was written."
            raise UsageError(message, hint="Name another file.")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error
    hint = f"Write as the first line of a policy file: # yaml-language-server: $schema={file.name}"
    return done(context, f"The schema is in {file}. {hint}", file=str(file))


def _import_current(arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.errors import UsageError
    from jmltui.lifecycle.import_current import import_current
    from jmltui.policy.mining import Limits

    if arguments.support < 2 or arguments.roles < 1 or not 50 <= arguments.share <= 100:
        raise UsageError("A role needs two people at least, and a share between 50 and 100 percent.")
    file = Path(arguments.output) if arguments.output is not None else None
    if file is not None and file.exists():
        raise UsageError(f"{file} is there already; nothing was written.", hint="Name a new file.")
    limits = Limits(support=arguments.support, share=arguments.share / 100, roles=arguments.roles)
    with opened(context) as workshop:
        found = import_current(workshop, limits)
    if file is not None:
        try:
            with file.open("x", encoding="utf-8") as out:
                out.write(found.text)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}.") from error
    told = (
        f"{found.roles} roles proposed for {found.people} people; they explain {found.explained} of {found.grants} "
        f"rights that are held. {f'Read {file}, then: jmltui policy diff {file}' if file else ''}"
    )
    if file is None and not context.json:
        context.out.write(found.text)
        return 0
    facts = asdict(found)
    if file is not None:
        facts["text"] = None
    return done(context, told.strip(), **facts)


def _folder(named: str | None, context: Context) -> Path:
    from jmltui.config import settings

    return Path(named) if named else settings.load(context.places.settings_file).policy_folder


def _policy(folder: Path, context: Context) -> Policy:
    """A policy, in the zone of the company where there are settings. Raises PolicyError."""
    from jmltui.config import settings
    from jmltui.policy import load

    if context.places.settings_file.exists():
        return load(folder, settings.load(context.places.settings_file).company_zone)
    return load(folder)
