"""How examples are drawn: the same ones at a commit, so that a run fails for what was changed and not by chance.

python -m pytest --hypothesis-profile=explore ...      draws others each time and remembers the ones that failed
"""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("fixed")
