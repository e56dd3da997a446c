"""How examples are drawn: the same ones each time, so that a run fails for what was changed and not by chance.

python -m pytest --hypothesis-profile=explore ...      draws others each time and remembers the ones that failed
"""

from hypothesis import settings
from hypothesis.internal.conjecture import providers

# Hypothesis also draws the numbers that it finds in the modules loaded so far, which differ with what ran before. There
# is no setting for that; a version that finds them in another way ends here.
assert callable(providers.is_local_module_file)  # type: ignore[attr-defined]
providers.is_local_module_file = lambda _path: False  # type: ignore[attr-defined]

settings.register_profile("fixed", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("fixed")
