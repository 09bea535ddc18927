"""Whether GET PATH of the service in this container answers 200, by exit status: a health check without curl.

usage: healthcheck.py VARIABLE PATH, where the environment's VARIABLE has the port
"""

import http.client
import os
import sys

variable, path = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ[variable]), timeout=2)
connection.request("GET", path)
sys.exit(connection.getresponse().status != http.client.OK)
