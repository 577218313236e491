"""A network camera that speaks RTSP on loopback, read by FFmpeg's own client.

RTSP 1.0 (RFC 2326) with RTP interleaved in its connection (§10.12), pictures as RTP/JPEG
(RFC 2435) with their own quantisation tables or as H.264 (RFC 6184), Basic or Digest authentication
(RFC 2617) where it is asked for. It can misbehave as cameras do: say nothing, stop in the middle of
a picture, offer what nobody decodes.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from hashlib import md5
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import quote

import cv2

from edge.ports import FrameSource
from tests.support import h264

Manner = Literal["good", "silent", "halting", "codec", "mute"]

_FRAGMENT: Final = 1400
_VAST_FRAGMENT: Final = 60_000
_CLOCK_HZ: Final = 90_000
_QUIET_S: Final = 60.0
_REALM: Final = 'realm="camera"'
_MEDIA: Final = "m=video 0 RTP/AVP 26"
_H264: Final = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1"
_NOBODYS: Final = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-NOBODYS/90000"


class Jpeg(NamedTuple):
    """What RTP/JPEG carries of a baseline picture (4:2:0, the standard's Huffman tables)."""

    width: int
    height: int
    tables: bytes
    scan: bytes


def jpeg_of(image: Any) -> Jpeg:
    """The picture as JPEG, taken apart (ITU-T T.81, annex B); sides are multiples of 8."""
    encoded = cv2.imencode(".jpg", image)[1].tobytes()
    tables, at = b"", 2
    while True:
        marker, length = struct.unpack_from(">HH", encoded, at)
        body = encoded[at + 4 : at + 2 + length]
        if marker == 0xFFDB:
            tables += b"".join(body[n + 1 : n + 65] for n in range(0, len(body), 65))
        at += 2 + length
        if marker == 0xFFDA:
            height, width = image.shape[:2]
            return Jpeg(width, height, tables, encoded[at:-2])


def jpeg_payloads(image: Any) -> Iterator[bytes]:
    """A picture in packets of RTP/JPEG (RFC 2435, §3.1)."""
    jpeg = jpeg_of(image)
    for at in range(0, len(jpeg.scan), _FRAGMENT):
        head = struct.pack(">I", at) + bytes([1, 255, jpeg.width // 8, jpeg.height // 8])
        if at == 0:
            head += struct.pack(">HH", 0, len(jpeg.tables)) + jpeg.tables
        yield head + jpeg.scan[at : at + _FRAGMENT]


def h264_payloads(image: Any, number: int) -> Iterator[bytes]:
    """A picture in fragments of its slice (RFC 6184, §5.8)."""
    unit = h264.slice_of(image, number)
    kind, content = unit[0], unit[1:]
    for at in range(0, len(content), _VAST_FRAGMENT):
        first, last = at == 0, at + _VAST_FRAGMENT >= len(content)
        head = bytes([kind & 0x60 | 28, first << 7 | last << 6 | kind & 0x1F])
        yield head + content[at : at + _VAST_FRAGMENT]


def packets(payloads: list[bytes], kind: int, first: int, stamp: int) -> list[bytes]:
    """The RTP packets of one picture, numbered from ``first`` (RFC 3550, §5.1)."""
    last = len(payloads) - 1
    return [
        struct.pack(">BBHII", 0x80, kind | (n == last) << 7, (first + n) & 0xFFFF, stamp, 7) + each
        for n, each in enumerate(payloads)
    ]


class RtspCamera:
    """Serves one frame source at ``address``, to one viewer after the other.

    Args:
        source: where the pictures come from.
        rate: pictures a second.
        credentials: ``user:password`` that a viewer must give; none is asked for when empty.
        digest: the password is proven, not sent.
        size: width and height of pictures that go as H.264, multiples of 16; None for JPEG.
        manner: ``silent`` takes connections and says nothing, ``mute`` plays nothing, ``halting``
            stops in the middle of the third picture, ``codec`` offers what nobody decodes.
        port: 0 for a free one.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        rate: float = 10.0,
        credentials: str = "",
        digest: bool = False,
        size: tuple[int, int] | None = None,
        manner: Manner = "good",
        port: int = 0,
    ) -> None:
        self._source = source
        self._rate = rate
        self._credentials = credentials
        self._digest = digest
        self._size = size
        self._manner = manner
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._viewer: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._server.getsockname()[1]
        at = f"{quote(credentials, safe=':@')}@" if credentials else ""
        self.address = f"rtsp://{at}127.0.0.1:{self.port}/stream"
        self.refused = 0
        """Requests without the right credentials."""
        self.viewers = 0
        """Who was shown pictures so far."""

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
        """Go away as a camera that loses its power does, and close the source."""
        self._over.set()
        self._source.close()
        for each in (self._server, self._viewer):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                self._viewer, _ = self._server.accept()
            except OSError:
                return
            with self._viewer, suppress(OSError):
                self._viewer.settimeout(_QUIET_S)
                if self._manner == "silent":
                    _wait_for_the_end(self._viewer)
                elif self._is_played(self._viewer):
                    self.viewers += 1
                    self._play(self._viewer)

    def _is_played(self, viewer: socket.socket) -> bool:
        """Answer until the viewer asks for pictures; False when it goes away instead."""
        with viewer.makefile("rb") as asking:
            while request := asking.readline().split():
                fields = _fields(asking)
                answer = self._answer(request[0].decode(), fields)
                cseq = f"CSeq: {fields.get('cseq', '0')}\r\n"
                viewer.sendall(answer.replace("\r\n", f"\r\n{cseq}", 1).encode())
                if request[0] == b"PLAY" and answer.startswith("RTSP/1.0 200"):
                    return True
        return False

    def _is_known(self, method: str, shown: str) -> bool:
        """Whether the viewer shows that it knows the password (RFC 2617, §2 and §3.2.2)."""
        if not self._digest:
            return shown == f"Basic {b64encode(self._credentials.encode()).decode()}"
        given = dict(re.findall(r'(\w+)="([^"]*)"', shown))
        user, _, password = self._credentials.partition(":")
        who = _md5(f"{user}:camera:{password}")
        what = _md5(f"{method}:{given.get('uri', '')}")
        return given.get("response") == _md5(f"{who}:7:{what}")

    def _answer(self, method: str, fields: dict[str, str]) -> str:
        """The answer to one request, without its number."""
        if self._credentials and not self._is_known(method, fields.get("authorization", "")):
            self.refused += 1
            asked = f'Digest {_REALM}, nonce="7"' if self._digest else f"Basic {_REALM}"
            return f"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: {asked}\r\n\r\n"
        if method == "DESCRIBE":
            media = _NOBODYS if self._manner == "codec" else self._media()
            about = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nc=IN IP4 0.0.0.0\r\n"
            about += f"{media}\r\na=framerate:{self._rate:g}\r\na=control:track1\r\n"
            head = f"Content-Type: application/sdp\r\nContent-Length: {len(about)}\r\n\r\n"
            return f"RTSP/1.0 200 OK\r\n{head}{about}"
        said = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN",
            "SETUP": "Session: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1",
        }
        return f"RTSP/1.0 200 OK\r\n{said.get(method, 'Session: 7')}\r\n\r\n"

    def _media(self) -> str:
        if self._size is None:
            return _MEDIA
        sets = h264.parameter_sets(*self._size)
        return f"{_H264}; sprop-parameter-sets={','.join(b64encode(it).decode() for it in sets)}"

    def _packets(self, image: Any, number: int, first: int) -> list[bytes]:
        stamp = int(number * _CLOCK_HZ / self._rate) & 0xFFFFFFFF
        if self._size is None:
            return packets(list(jpeg_payloads(image)), 26, first, stamp)
        return packets(list(h264_payloads(image, number)), 96, first, stamp)

    def _play(self, viewer: socket.socket) -> None:
        sent = 0
        for number, frame in enumerate(self._source.frames()):
            if self._manner == "mute":
                _wait_for_the_end(viewer)
                return
            of_frame = self._packets(frame.image, number, sent)
            sent += len(of_frame)
            halts = self._manner == "halting" and number == 2
            for packet in of_frame[: len(of_frame) // 2] if halts else of_frame:
                viewer.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            if halts:
                _wait_for_the_end(viewer)
                return
            if self._over.wait(1.0 / self._rate):
                return


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _wait_for_the_end(viewer: socket.socket) -> None:
    """Until the viewer gives up, or the camera goes away."""
    while viewer.recv(4096):
        pass


def _fields(asking: Any) -> dict[str, str]:
    """The header fields of a request, by their names in small letters."""
    fields: dict[str, str] = {}
    while line := asking.readline().strip():
        name, _, value = line.decode().partition(":")
        fields[name.lower()] = value.strip()
    return fields
