"""One environment a peer, made once by uv from its pinned requirements."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pinn.errors import PinnError

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peer:
    """A library to compare with.

    Args:
        name: what tables call it.
        package: its name in the registry.
        python: the version of Python in its environment.
        variables: that its process needs.
        module: of the adapter, where it is not the name.
    """

    name: str
    package: str
    python: str
    variables: tuple[tuple[str, str], ...] = ()
    module: str = ""

    @property
    def adapter(self) -> str:
        """The module that runs it, which also names its environment and its requirements."""
        return self.module or self.name

    @property
    def requirements(self) -> Path:
        """The file that pins what is installed."""
        return HERE / "requirements" / f"{self.adapter}.txt"

    @property
    def version(self) -> str:
        """The pinned version."""
        pins = dict(
            line.split("==")
            for line in self.requirements.read_text().splitlines()
            if "==" in line and not line.startswith("#")
        )
        return pins[self.package]

    @property
    def folder(self) -> Path:
        """Where the environment is."""
        return HERE / ".environments" / self.adapter

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"


X64 = (("JAX_ENABLE_X64", "1"), ("JAX_PLATFORMS", "cpu"))
PEERS = {
    peer.name: peer
    for peer in (
        Peer("deepxde", "deepxde", "3.11", (("DDE_BACKEND", "pytorch"),)),
        Peer("jinns", "jinns", "3.11", X64),
        Peer("jinns_ssbroyden", "jinns", "3.11", (*X64, ("JINNS_METHOD", "ssbroyden")), "jinns"),
        Peer("pina", "pina-mathlab", "3.11"),
        Peer("scimba", "scimba", "3.11", X64),
        Peer("jno", "jax-numerical-operators", "3.12", X64),
    )
}


def prepare(peer: Peer) -> None:
    """Make the peer's environment, unless it is there with the same requirements.

    `UV_FIND_LINKS`, `UV_INDEX_URL` and `UV_TORCH_BACKEND` are uv's to read; a folder of wheels that
    pip knows by `PIP_FIND_LINKS` is passed on.

    Raises:
        PinnError: uv is missing, or cannot install what is pinned.
    """
    stamp = peer.folder / "requirements.sha256"
    wanted = hashlib.sha256(peer.requirements.read_bytes() + peer.python.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    uv = shutil.which("uv")
    if uv is None:
        raise PinnError("There is no uv to make the peers' environments with: install uv.")
    variables = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", ""), **os.environ}
    _done(peer, [uv, "venv", "--quiet", "--clear", "--python", peer.python, peer.folder], variables)
    install = [uv, "pip", "install", "--quiet", "--python", peer.interpreter]
    _done(peer, [*install, "--requirement", peer.requirements], variables)
    fresh = stamp.with_suffix(".new")
    fresh.write_text(wanted)
    fresh.rename(stamp)


def _done(peer: Peer, words: list[str | Path], variables: dict[str, str]) -> None:
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["nothing"]
        told = " ".join(said)[:300]
        raise PinnError(f"The environment of {peer.name} cannot be installed; uv says: {told}")
