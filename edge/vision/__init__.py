"""What a gateway sees: codes in pictures, and when seeing one becomes a fact.

Public: :class:`~edge.vision.scanning.ScanLane` where pictures follow each other,
:class:`~edge.vision.barcodes.ZxingReader` for one that stands alone.
"""
