"""Stands before ElasticMQ and takes MessageGroupId away: proxy.py PORT. Prints its own address. Standard library only.

SQS takes a message group on a standard queue since July 2025 ("fair queues"); ElasticMQ 1.7.1 still refuses it. Everything else passes as
it is, so that no setting of the product is needed.
"""

import http.client
import http.server
import json
import sys

PORT = int(sys.argv[1])
CALL_SECONDS_MAX = 30
# The connection's own.
LEFT_OUT = {"connection", "content-length", "host", "transfer-encoding"}


def without_groups(body):
    """A request in AWS JSON 1.0, without the groups of its message or messages."""
    request = json.loads(body)
    for message in [request, *request.get("Entries", [])]:
        message.pop("MessageGroupId", None)
    return json.dumps(request).encode()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in LEFT_OUT}
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=CALL_SECONDS_MAX)
        try:
            connection.request("POST", self.path, without_groups(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in LEFT_OUT:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *args):
        """Says nothing: the tests say what was wrong."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
