"""The programs that the stack is made of, in the environments that `make setup` makes."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import StackError

_ARCHITECTURES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "arm64",
    "arm64": "arm64",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are, and which kind of machine they run on.

    Attributes:
        root: The project's root.
    """

    root: Path

    @property
    def sam(self) -> Path:
        """The SAM CLI."""
        return self.root / ".local" / "sam" / "bin" / "sam"

    @property
    def emulator(self) -> Path:
        """The AWS emulator."""
        return self.root / ".local" / "emulator" / "bin" / "ministack"

    @property
    def python(self) -> Path:
        """Python with the service's dependencies; its folder also holds the pip of `sam build`."""
        return self.root / ".local" / "venv" / "bin" / "python"

    @property
    def runtime(self) -> str:
        """The Lambda runtime of this Python: the emulator runs the functions with it."""
        return f"python{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def architecture(self) -> str:
        """The Lambda architecture of this machine."""
        return _ARCHITECTURES[platform.machine().lower()]

    def check(self) -> None:
        """Find out whether a stack can run here.

        Raises:
            StackError: A program is missing, or this system cannot run Lambda artifacts.
        """
        for program in (self.sam, self.emulator, self.python):
            if not program.exists():
                raise StackError(f"{program} is missing: run `make setup`.")
        if platform.system() != "Linux" or platform.machine().lower() not in _ARCHITECTURES:
            raise StackError(
                "The local stack runs the functions as built for Lambda, which needs Linux on "
                "x86_64 or arm64: use a Linux machine, or WSL on Windows."
            )
