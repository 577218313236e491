"""One gateway: it reads, answers, remembers and reports for one site."""
