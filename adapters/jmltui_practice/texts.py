"""The settings, procedures and guards of the practice company, written as any company writes them."""

from __future__ import annotations

from typing import Final

from .people import COLUMNS


def _system(name: str, login: str, email: bool = True) -> str:
    lines = [f"[systems.{name}]", 'adapter = "practice"', 'file = "systems.sqlite"', f'login = "{login}"']
    lines += ["", f"[systems.{name}.attributes]", 'display = "{name}"']
    return "\n".join([*lines, *(['email = "{email}"'] * email), ""])


SETTINGS: Final = "\n".join(
    [
        "# The practice company. It is an ordinary installation: everything here can be changed.",
        "[company]",
        'name = "Practice company"',
        'zone = "Europe/Berlin"',
        "",
        "[policy]",
        'folder = "policy"',
        "",
        "[sources.hr]",
        'adapter = "csv"',
        'path = "people.csv"',
        'absent = "ask"',
        "",
        "[sources.hr.columns]",
        *(f'{name} = "{name}"' for name in COLUMNS),
        "",
        *(_system(name, "{email|before_at}") for name in ("directory", "vpn", "erp", "chat")),
        _system("mail", "{email}"),
        _system("doors", "{key}"),
    ]
)

GUARDS: Final = """\
version: 1
guards:
  leavers: {floor: 10, percent: 2, ceiling: 20, window: 24h}
  feed: {min_rows: 100, max_shrink_percent: 10, min_key_overlap_percent: 90, max_age: none}
  protected: {accounts: ["break-glass-*"]}
"""

PROCEDURES: Final = """\
version: 1
procedures:
  - id: joiner
    title: New colleague
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 24h
    steps:
      - {id: account, do: account.create, title: Create the accounts, target: 4h}
      - {id: groups, do: entitlements.apply, title: Grant what the roles give, needs: [account], target: 8h}
      - {id: verify, do: access.verify, title: Read everything back, needs: [groups]}
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify]}
  - id: mover
    title: New place in the company
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 2d
    together: true
    steps:
      - {id: account, do: account.create, title: Create the accounts that the new place needs}
      - {id: remove, do: entitlements.remove, title: Remove what the old place gave, needs: [account]}
      - {id: grant, do: entitlements.apply, title: Grant what the new place gives, needs: [account]}
      - {id: verify, do: access.verify, title: Read everything back, needs: [remove, grant]}
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify]}
  - id: leaver
    title: Leaving colleague
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      # The doors prove nothing; in steps of their own they hold nobody up.
      - {id: badge, do: account.disable, on: "system:doors", title: Block the badge, target: 15m}
      - {id: doors, do: group.remove_all, on: "system:doors", title: Take the doors off the badge, needs: [badge]}
      - {id: disable, do: account.disable, title: Disable every account, target: 15m}
      - id: vpn-sessions
        do: session.revoke
        on: "system:vpn"
        title: End live VPN sessions
        needs: [disable]
        target: 30m
      - id: sessions
        do: session.revoke
        on: "system:directory"
        title: End sign-in sessions
        needs: [disable]
        target: 30m
      - {id: groups, do: group.remove_all, title: Remove every group and entitlement, needs: [disable], target: 1h}
      - id: tokens
        do: token.revoke
        on: "system:directory"
        title: Revoke tokens and second factors
        needs: [disable]
        target: 1h
      - id: chat-tokens
        do: token.revoke
        on: "system:chat"
        title: Revoke chat tokens
        needs: [disable]
        target: 1h
      - id: handover
        do: manual
        title: Recover devices, hand over mailbox and files
        needs: [disable]
        owner: manager
        fallback_owner: team:helpdesk
        target: 3d
        text: |
          Recover the laptop, phone and badge, and write down their serial numbers.
          Ask the manager who takes over the mailbox and the files, and until when.
          Look for service accounts and jobs that this person owned, and give each a new owner.
      - id: verify
        do: access.verify
        title: Read everything back
        needs: [badge, doors, vpn-sessions, sessions, groups, tokens, chat-tokens]
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify, handover]}
"""
