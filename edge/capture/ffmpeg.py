"""How OpenCV's FFmpeg is asked for pictures: bounded, silent, and RTSP over TCP.

OpenCV takes these wishes from the environment alone, when a capture is opened. FFmpeg's own lines
would go to whoever's terminal or log this is, addresses included; what failed is told here.
"""

from __future__ import annotations

import os
from typing import Final

import cv2

from edge.capture.pictures import MAX_PIXELS

OPEN_TIMEOUT_MS: Final = 5_000
READ_TIMEOUT_MS: Final = 5_000

# FFmpeg asks the size before it decodes. RTP over UDP would lose parts of pictures unseen.
_WISHES: Final = {
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": f"rtsp_transport;tcp|max_pixels;{MAX_PIXELS}",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


def opened(place: str) -> cv2.VideoCapture:
    """A capture of a file or an address; it hangs for five seconds at most at each step."""
    os.environ.update(_WISHES)  # noqa: TID251 - no setting: said to a library
    return cv2.VideoCapture(
        place,
        cv2.CAP_FFMPEG,
        [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            READ_TIMEOUT_MS,
        ],
    )
