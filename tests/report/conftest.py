from __future__ import annotations

import sys
from pathlib import Path

# Generated reports and the driver of the browser are modules that several test files share.
sys.path.append(str(Path(__file__).parent))
