"""Where pictures come from.

Public: :func:`~edge.capture.pictures.load_picture`, and the sources of
:mod:`edge.capture.camera`, all of them :class:`edge.ports.FrameSource`.
"""
