"""Finishes what `sam build` made, for quick cold starts: `python -m infra.artifact FOLDER…`.

The AWS SDK is left out: the Lambda runtime brings boto3 and botocore, which fit together, while the
X-Ray SDK draws in a botocore alone, 30 MB of it. Bytecode is put in: Lambda's code folder is
read-only, so without it every new instance compiles everything that it imports.
"""

import shutil
import subprocess
import sys
from pathlib import Path

# Where Lambda puts an artifact: what tracebacks name.
_DEPLOYED_AT = "/var/task"
_PROVIDED_BY_LAMBDA = ("boto3", "botocore", "s3transfer")


def finish_artifact(folder: Path, python: Path | str = sys.executable) -> None:
    """Take out what the runtime brings, and compile the rest, in place.

    The bytecode is never compared with its source ("unchecked hash"): the two are deployed
    together, and times of files change on the way.

    Args:
        folder: the artifact.
        python: a Python of the minor version that the functions run on.

    Raises:
        subprocess.CalledProcessError: a module does not compile.
    """
    for package in _PROVIDED_BY_LAMBDA:
        for provided in (folder / package, *folder.glob(f"{package}-*.dist-info")):
            shutil.rmtree(provided, ignore_errors=True)
    for leftover in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(leftover)
    # fmt: off
    command = [
        # The bytecode belongs beside its source, wherever this process keeps its own.
        str(python), "-X", "pycache_prefix=",
        "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash",
        "-s", str(folder), "-p", _DEPLOYED_AT, str(folder),
    ]
    # fmt: on
    subprocess.run(command, check=True)


def main() -> int:
    """Finish the folders named on the command line; return the exit code."""
    for folder in sys.argv[1:]:
        finish_artifact(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
