"""Other systems' documents: taken in whole, kept as they came, told in one form."""
