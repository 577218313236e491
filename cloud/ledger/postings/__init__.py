"""What moves stock beside gateways: documents of other systems, people, consignments."""
