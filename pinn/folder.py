"""A folder that is written whole or not at all, in place of another one or of none."""

import ctypes
import errno
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pinn.errors import CheckpointError

EXCHANGE, HERE = 2, -100
"""`RENAME_EXCHANGE` of Linux's renameat2(2), and the folder that relative paths start from."""


@contextmanager
def whole_or_nothing(target: Path) -> Generator[Path]:
    """Give a temporary folder beside the target, and put it in the target's place at the end.

    Where the target exists, both change places in one step, so that one of them is always there;
    where the system cannot do that, the old one is moved aside first, and `recovered` finds it.

    Raises:
        CheckpointError: nothing can be written there.
    """
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        recovered(target)
        _clear(target)
        folder = Path(tempfile.mkdtemp(prefix=_prefix(target), suffix=".part", dir=parent))
    except OSError as error:
        raise CheckpointError(f"Cannot write to {str(parent)!r}: {error.strerror}.") from error
    try:
        yield folder
        if target.exists():
            _replace(folder, target)
        else:
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recovered(target: Path) -> Path:
    """Return the target, put back first where a crash left it moved aside."""
    if not target.exists():
        aside = sorted(target.absolute().parent.glob(f".{_escaped(target.name)}.*.old"))
        if aside:
            aside[-1].rename(target)
    return target


def _replace(folder: Path, target: Path) -> None:
    """Put a folder in the place of another, which then lies where it was, or is gone."""
    if exchanged(folder, target):
        return
    aside = folder.with_suffix(".old")
    target.rename(aside)
    folder.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; tell whether the system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = [os.fsencode(path.absolute()) for path in (one, other)]
    if rename(HERE, names[0], HERE, names[1], EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _prefix(target: Path) -> str:
    """Return how temporary folders are called: by target, machine and process."""
    return f".{target.name}.{socket.gethostname()}-{os.getpid()}-"


def _clear(target: Path) -> None:
    """Remove what processes of this machine that are no more left beside the target."""
    pattern = re.compile(re.escape(f".{target.name}.{socket.gethostname()}-") + r"(\d+)-.*")
    for path in target.absolute().parent.iterdir():
        found = pattern.fullmatch(path.name)
        stale = path.suffix == ".part" or (path.suffix == ".old" and target.exists())
        if found and stale and not _alive(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
