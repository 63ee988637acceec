"""How long property tests search: for seconds, the same way every time; or, if they are asked to be
thorough, at random and for as long as it takes."""

import os
from typing import Final

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "usual")
THOROUGH: Final = PROFILE == "thorough"
