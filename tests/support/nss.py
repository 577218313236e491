"""What a person does in Chromium's certificate settings on Linux: import an authority as trusted.

Chromium keeps it in NSS's database below the home folder. The tool for it (certutil) is not among
this machine's packages, the library is: Chromium brings it.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

_TRUSTED_FOR_SERVERS = b"C,,"


class _Item(ctypes.Structure):
    """NSS's SECItem: bytes of some type."""

    _fields_ = (("type", ctypes.c_int), ("data", ctypes.c_char_p), ("len", ctypes.c_uint))


def trust(home: Path, certificate: Path) -> None:
    """Have Chromium with this home folder trust a DER certificate, from its next start on."""
    command = [sys.executable, "-m", "tests.support.nss", str(home), str(certificate)]
    subprocess.run(command, check=True, timeout=60)


def _import(home: Path, der: bytes) -> None:
    """In a process of its own: NSS can be opened once."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True, exist_ok=True)
    nss = ctypes.CDLL("libnss3.so")
    for name in ("PK11_GetInternalKeySlot", "CERT_NewTempCertificate", "CERT_GetDefaultCertDB"):
        getattr(nss, name).restype = ctypes.c_void_p
    _demand(nss.NSS_InitReadWrite(f"sql:{folder}".encode()), "open the database")
    slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
    nss.PK11_InitPin(slot, None, b"")
    database = ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
    item = _Item(0, der, len(der))
    found = ctypes.c_void_p(nss.CERT_NewTempCertificate(database, ctypes.byref(item), None, 0, 1))
    _demand(nss.PK11_ImportCert(slot, found, ctypes.c_ulong(0), b"gateway", 0), "import")
    flags = (ctypes.c_uint * 3)()
    _demand(nss.CERT_DecodeTrustString(flags, _TRUSTED_FOR_SERVERS), "read the trust")
    _demand(nss.CERT_ChangeCertTrust(database, found, flags), "trust")


def _demand(status: int, what: str) -> None:
    if status != 0:
        raise OSError(f"NSS could not {what}")


if __name__ == "__main__":
    _import(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes())
