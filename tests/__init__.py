"""txkea's own tests.

No example of a property has a deadline: how long one takes on a busy machine says nothing about it.
"""

from hypothesis import settings

settings.register_profile("txkea", deadline=None)
settings.load_profile("txkea")
