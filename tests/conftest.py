from hypothesis import settings

# The same examples in every run; --hypothesis-profile=search looks for new ones. Neither watches the clock.
settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("fixed")


def pytest_addoption(parser):
    group = parser.getgroup("labsync")
    group.addoption("--hardware", metavar="STATION", help="replay the transcripts on this bench")
    group.addoption("--arm", action="store_true", help="on hardware, also switch pumps, heaters and motors")
