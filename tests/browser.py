"""A headless browser, driven over the WebDriver protocol with the standard library alone."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DRIVER, CHROMIUM = shutil.which("chromedriver"), shutil.which("chromium")

_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync", "--no-first-run"]


class Browser:
    """One window; ``call`` speaks to it."""

    def __init__(self, port, options):
        self.address = f"http://127.0.0.1:{port}"
        wanted = {
            "goog:chromeOptions": {"binary": CHROMIUM, "args": [*_FLAGS, *options]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._request("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def _request(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def call(self, method, path, content=None):
        return self._request(method, self.session + path, content)

    def open(self, path):
        self.call("POST", "/url", {"url": Path(path).resolve().as_uri()})

    def script(self, text):
        return self.call("POST", "/execute/sync", {"script": text, "args": []})

    def hover(self, selector):
        self.script(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        element = self.call("POST", "/element", {"using": "css selector", "value": selector})
        move = {"type": "pointerMove", "origin": element, "x": 0, "y": 0}
        mouse = {"type": "pointer", "id": "mouse", "actions": [move]}
        self.call("POST", "/actions", {"actions": [mouse]})

    def press(self, key):
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        board = {"type": "key", "id": "keys", "actions": strokes}
        self.call("POST", "/actions", {"actions": [board]})

    def console(self):
        """What the page complained of."""
        return self.call("POST", "/se/log", {"type": "browser"})

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        self._request("DELETE", self.session)


@contextlib.contextmanager
def browser(*options):
    """A window of its own, closed in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL)
    try:
        window = _connected(port, options)
        yield window
        window.close()
    finally:
        process.terminate()
        process.wait(20)


def _connected(port, options):
    for _ in range(100):
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return Browser(port, options)
        time.sleep(0.1)
    raise RuntimeError("chromedriver does not answer")
