#!/usr/bin/env python3
"""A web server that promises a whole file and, for one path, sends half of it.

    half_server.py ADDRESS ROOT PATH
"""

import email.utils
import sys
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Half(StreamRequestHandler):
    def handle(self):
        target = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        path = Path(sys.argv[2]) / target.lstrip("/")
        body = path.read_bytes()
        stat = path.stat()
        self.wfile.write(
            ("HTTP/1.1 200 OK\r\nServer: nginx\r\n"
             f"Date: {email.utils.formatdate(usegmt=True)}\r\n"
             "Content-Type: application/pkix-crl\r\n"
             f"Content-Length: {len(body)}\r\n"
             f"Last-Modified: {email.utils.formatdate(stat.st_mtime, usegmt=True)}\r\n"
             f"ETag: \"{int(stat.st_mtime):x}-{len(body):x}\"\r\n"
             "Cache-Control: max-age=7200\r\nConnection: keep-alive\r\n\r\n").encode())
        self.wfile.write(body[:len(body) // 2] if target == sys.argv[3] else body)


ThreadingTCPServer.allow_reuse_address = True
ThreadingTCPServer((sys.argv[1], 80), Half).serve_forever()
