"""`pinn doctor`: what was found on this machine, and whether anything is wrong."""

import pinn
from pinn.cli.text import columns
from pinn.doctor import Finding, examine


def diagnose() -> int:
    """Print every finding; return 0 where all are well and 1 where one is not."""
    findings = examine(lambda problem: pinn.solve(problem, progress=False))
    print(columns([_row(finding) for finding in findings]))
    wrong = [finding for finding in findings if not finding.well]
    for finding in wrong:
        print(f"\n{finding.what}: {finding.advice}")
    print("\n" + (f"{len(wrong)} of {len(findings)} are wrong." if wrong else "All is well."))
    return 1 if wrong else 0


def _row(finding: Finding) -> tuple[str, str, str]:
    return "ok" if finding.well else "WRONG", finding.what, finding.found
