"""A camera over a conveyor that does not exist, in the process or on the network.

:class:`SimulatedCamera` is a frame source like any other. :class:`MjpegServer` serves one over
HTTP, as cheap network cameras do, so that a gateway looks at it through its real capture path.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, NamedTuple, Self

import cv2
import numpy as np

from edge.ports import Frame, FrameSource
from edge.simulator.labels import Image, label_frames

_BOUNDARY: Final = "frame"


class Carton(NamedTuple):
    """What passes the camera: the scan its label gives, and the name printed on it."""

    content: str
    title: str = ""


class SimulatedCamera:
    """Cartons rolling past a camera, one after the other, over and over.

    Args:
        cartons: what passes, in order.
        seed: where all its chance comes from.
        frames_each: frames in which one carton is seen.
        rounds: times that all cartons pass; None for without end.
        period_s: seconds between frames; 0 for as fast as they are taken.
        size: width and height of the frames.
    """

    def __init__(
        self,
        cartons: Sequence[Carton],
        *,
        seed: int,
        frames_each: int = 4,
        rounds: int | None = 1,
        period_s: float = 0.0,
        size: tuple[int, int] = (1280, 720),
    ) -> None:
        self._cartons = cartons
        self._seed = seed
        self._frames_each = frames_each
        self._rounds = rounds
        self._period_s = period_s
        self._size = size
        self._closing = threading.Event()
        self.dropped = 0

    def frames(self) -> Iterator[Frame]:
        """The frames, until the last carton has passed or the camera is closed."""
        for number, image in enumerate(self._images()):
            if self._closing.is_set():
                return
            yield Frame(image, number, time.monotonic())
            if self._period_s:
                self._closing.wait(self._period_s)

    def close(self) -> None:
        """End :meth:`frames`."""
        self._closing.set()

    def _images(self) -> Iterator[Image]:
        rng = np.random.default_rng(self._seed)
        turn = 0
        while self._rounds is None or turn < self._rounds:
            for carton in self._cartons:
                if self._closing.is_set():
                    return
                yield from label_frames(
                    carton.content,
                    rng=rng,
                    count=self._frames_each,
                    size=self._size,
                    title=carton.title,
                )
            turn += 1


class MjpegServer:
    """Serves one frame source at ``address`` as multipart JPEG, to one viewer at a time.

    Args:
        source: where the frames come from; closed with the server.
        host: the interface to listen on.
        port: 0 for a free one.
    """

    def __init__(self, source: FrameSource, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._source = source
        self._server = ThreadingHTTPServer((host, port), _handler(source))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://{host}:{self._server.server_address[1]}/video"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving and close the source."""
        self._source.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(source: FrameSource) -> type[BaseHTTPRequestHandler]:
    one_viewer = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.end_headers()
            with one_viewer, suppress(ConnectionError, TimeoutError):  # the viewer went away
                for frame in source.frames():
                    encoded = cv2.imencode(".jpg", frame.image)[1].tobytes()
                    self.wfile.write(
                        f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                        f"Content-Length: {len(encoded)}\r\n\r\n".encode()
                    )
                    self.wfile.write(encoded + b"\r\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing: the demo draws a table on this terminal."""

    return Handler
