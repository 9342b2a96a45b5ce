"""Leaves the company of the trial standing, to look around in it: `python -m tests.trials.standing FOLDER`.

The first two months are over; the cases of the third are open, so that there is something to see and to do.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.scim2 import free_port, wait_for
from tests.trials import company, invented
from tests.trials.story import Story
from tests.trials.trial import set_up

TOKEN = "secret"


def main(folder: Path, *, real: bool) -> None:
    """Build it, say how to open it, and keep its directory server up until interrupted."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.default_int_handler)
    folder.mkdir(parents=True)
    given = company.given() if real else None
    place = given or invented.invent(folder / "files", count=3, seed=7)
    port, log = free_port(), folder / "server.log"
    binary = Path(sys.executable).with_name("scim2-server")
    with log.open("wb") as out:
        server = subprocess.Popen([binary, "--port", str(port), "--bearer-token", TOKEN], stdout=out, stderr=out)
    try:
        wait_for(port, server, log)
        trial = set_up(folder / "trial", company.months(place)[:3], f"http://127.0.0.1:{port}/v2", TOKEN)
        story = Story(trial, print)
        story.first_month()
        story.month(1)
        story.review()
        trial.feed(2)
        trial.run("sync")
        trial.run("request", "access", trial.teams.operations[0].upper(), "prod-admin", "--reason", "ticket 4711")
        print(f"TRIAL_TOKEN={TOKEN} jmltui --home {trial.home}", "(Ctrl+C here ends the directory server)", sep="\n")
        server.wait()
    except KeyboardInterrupt:
        trial.stop()
    finally:
        server.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), real="--given" in sys.argv)
