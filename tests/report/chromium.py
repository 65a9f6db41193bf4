"""A headless Chromium, driven over the DevTools protocol through pipes: the standard library is enough."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "Tab": 9, "End": 35}
PATIENCE_S = 30.0


def chromium_path() -> str | None:
    """Return the browser's program, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one tab; ``problems`` collects what its console says."""

    def __init__(self, program: str, width: int = 1400, height: int = 1000) -> None:
        self._folder = tempfile.mkdtemp(prefix="aebnas-chromium-")
        self._process, self._to, self._from = self._start(program)
        self._buffer, self._number, self._session = b"", 0, ""
        self.problems: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def _start(self, program: str) -> tuple[subprocess.Popen[bytes], int, int]:
        """Start the browser, which reads commands from descriptor 3 and answers on 4."""
        their_in, to = os.pipe()
        answers, their_out = os.pipe()
        words = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        words += ["--remote-debugging-pipe", f"--user-data-dir={self._folder}", "about:blank"]
        # the shell moves the pipes to where the browser looks for them
        line = f'exec "$@" 3<&{their_in} 4>&{their_out}'
        process = subprocess.Popen(
            ["/bin/bash", "-c", line, "bash", *words],
            pass_fds=(their_in, their_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        return process, to, answers

    def close(self) -> None:
        """End the browser and delete its profile."""
        os.close(self._to)
        os.close(self._from)
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            self._note(answer)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, message: dict[str, Any]) -> None:
        method, metadata = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(metadata["exceptionDetails"]))
        elif method == "Log.entryAdded" and metadata["entry"]["level"] in ("error", "warning"):
            self.problems.append(metadata["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and metadata["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(metadata["args"]))

    def resize(self, width: int, height: int, is_dark: bool = False) -> None:
        """Set the window's size in pixels and the preferred colours."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, page: Path) -> None:
        """Open a file and wait until the page's script is through and its figures are drawn."""
        self.problems.clear()
        self.send("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete' && document.documentElement.dataset.ready === 'true'")
        self.frames()

    def frames(self) -> None:
        """Wait until what was asked for is painted."""
        wait = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
        self.send("Runtime.evaluate", expression=wait, awaitPromise=True)

    def value(self, expression: str) -> Any:
        """Return what an expression gives in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the visible text of the first element."""
        element = f"document.querySelector({json.dumps(selector)})"
        return str(self.value(f"{element}.innerText ?? {element}.textContent")).strip("\n")

    def wait(self, condition: str) -> None:
        """Wait until an expression holds.

        Raises:
            TimeoutError: It does not within ``PATIENCE_S``.
        """
        self.until(lambda: bool(self.value(condition)), condition)

    @staticmethod
    def until(holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(what)
            time.sleep(0.02)

    def click(self, selector: str, shift: bool = False) -> None:
        """Click with the mouse on the middle of the first element."""
        place = self.value(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({ block: 'center', behavior: 'instant' });"
            "const box = one.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
                modifiers=8 if shift else 0,
            )
        self.frames()

    def press(self, key: str, shift: bool = False) -> None:
        """Press one key where the focus is."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", **code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **code)
        self.frames()
