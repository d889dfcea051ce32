def pytest_addoption(parser):
    group = parser.getgroup("labsync")
    group.addoption("--hardware", metavar="STATION", help="replay the transcripts on this bench")
    group.addoption("--arm", action="store_true", help="on hardware, also switch pumps, heaters and motors")
