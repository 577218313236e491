"""Any slice of the ledger as EPCIS 2.0 events (JSON-LD), in the words of GS1's CBV."""
