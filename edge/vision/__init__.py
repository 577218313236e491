"""What a gateway sees: codes in pictures, and when seeing one becomes a fact.

Public: :class:`~edge.vision.barcodes.ZxingReader`, :class:`~edge.vision.confirm.Confirmation`.
"""
