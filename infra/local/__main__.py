"""`python -m infra.local up|down|status|logs|demo`: the local stack of this working copy."""

import sys
from pathlib import Path

# Import root of the service: its own key store makes the stack's first key.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "functions"))

from infra.local.command import main

sys.exit(main())
